package engine

import (
	"errors"
	"fmt"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// ByeError is the gateway's Bye, as the reason why a connection ended.
type ByeError struct{ Bye *wirepb.Bye }

func (e *ByeError) Error() string {
	return fmt.Sprintf("the gateway said goodbye: %v %s", e.Bye.Code, e.Bye.Detail)
}

// ComeBack says whether to reconnect after a connection, or the attempt to get one, ended with err,
// and how long to wait at least. Final is the reason not to.
func ComeBack(err error) (wait time.Duration, final error) {
	var bye *ByeError
	if errors.As(err, &bye) {
		if !bye.Bye.Reconnect {
			return 0, game.Errorf(bye.Bye.Code, "the gateway ended the session: %s", bye.Bye.Detail)
		}
		return time.Duration(bye.Bye.AfterMs) * time.Millisecond, nil
	}
	switch game.CodeOf(err, wirepb.Code_OK) {
	case wirepb.Code_TOKEN_INVALID, wirepb.Code_TOKEN_EXPIRED, wirepb.Code_BAD_REQUEST,
		wirepb.Code_SUPERSEDED, wirepb.Code_VERSION_UNSUPPORTED:
		return 0, err
	}
	return 0, nil
}
