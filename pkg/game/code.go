package game

import (
	"errors"
	"fmt"

	"teahouse/pkg/wire/wirepb"
)

// Code is what a player is told; its one home is the protocol definition.
type Code = wirepb.Code

// Error is a refusal: a code for the player, detail for the operator.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("%v: %s", e.Code, e.Detail) }

// Errorf makes a refusal.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf is the code that err carries, or fallback.
func CodeOf(err error, fallback Code) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fallback
}
