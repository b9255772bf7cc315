package embedded

import (
	"context"
	"net/http"
)

// NewHandler is a server without sockets and without expiry. It panics on an invalid config.
func NewHandler(cfg Config) http.Handler {
	handler, _ := NewHandlerAndExpiry(cfg)
	return handler
}

// NewHandlerAndExpiry is a server without sockets, for bubbles of fake time; expire applies the
// passing of time until its context ends.
func NewHandlerAndExpiry(cfg Config) (handler http.Handler, expire func(context.Context)) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		panic(err)
	}
	b := newBook(cfg)
	return b.handler(), b.expire
}
