//go:build !faults

package host

import "net/http"

func (n *node) serveFaults(*http.ServeMux) {}
