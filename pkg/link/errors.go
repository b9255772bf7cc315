package link

import "errors"

var (
	// ErrClosed refuses to send on a link that has ended: nothing was sent.
	ErrClosed = errors.New("link: closed")
	// ErrFull refuses a frame because QueueFrames or QueueBytes is reached: nothing was sent.
	ErrFull = errors.New("link: queue full")
	// ErrBusy refuses a call because MaxCalls are open: nothing was sent.
	ErrBusy = errors.New("link: too many open calls")
	// ErrTooLong refuses a frame beyond MaxFrame: nothing was sent.
	ErrTooLong = errors.New("link: frame too long")
	// ErrBroken ends the open calls of a link that has ended: their outcome is unknown.
	ErrBroken = errors.New("link: broken")
	// ErrSilent ends a link whose peer said nothing for DeadAfter.
	ErrSilent = errors.New("link: peer is silent")
	// ErrRefused ends a handshake: one side did not accept the other.
	ErrRefused = errors.New("link: refused")
)
