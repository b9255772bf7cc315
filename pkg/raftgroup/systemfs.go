//go:build !faults

package raftgroup

import "github.com/cockroachdb/pebble/v2/vfs"

// systemFS is the file system of the log stores.
func systemFS() vfs.FS { return vfs.Default }
