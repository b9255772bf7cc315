package wire

import (
	"errors"
	"time"
)

// Limits bound what one client may make the gateway hold. A zero field means
// its default.
type Limits struct {
	// MaxFrame is the longest body of a frame in bytes, in both directions. Default 64 KiB, at
	// least 1 KiB, at most 16 MiB.
	MaxFrame int
	// MaxCalls is how many calls of a client may be unanswered; any more get BUSY. Default 32.
	MaxCalls int
	// Handshake is how long a client may take to say Hello. Default 5 s.
	Handshake time.Duration
	// Heartbeat is how long either side may be silent before it sends a Ping. Default 10 s.
	Heartbeat time.Duration
	// Idle is the silence after which the peer is considered gone. Default 30 s; it must be longer
	// than Heartbeat.
	Idle time.Duration
}

const (
	minMaxFrame = 1 << 10
	maxMaxFrame = 16 << 20
)

// WithDefaults fills in zero fields and refuses values that cannot work.
func (l Limits) WithDefaults() (Limits, error) {
	setDefault(&l.MaxFrame, 64<<10)
	setDefault(&l.MaxCalls, 32)
	setDefault(&l.Handshake, 5*time.Second)
	setDefault(&l.Heartbeat, 10*time.Second)
	setDefault(&l.Idle, 30*time.Second)
	switch {
	case l.MaxFrame < minMaxFrame || l.MaxFrame > maxMaxFrame:
		return l, errors.New("wire: MaxFrame must be 1 KiB to 16 MiB")
	case l.MaxCalls < 1:
		return l, errors.New("wire: MaxCalls must be positive")
	case l.Handshake < 0 || l.Heartbeat < 0:
		return l, errors.New("wire: times must be positive")
	case l.Idle <= l.Heartbeat:
		return l, errors.New("wire: Idle must be longer than Heartbeat")
	}
	return l, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
