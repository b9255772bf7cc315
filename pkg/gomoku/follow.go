package gomoku

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
)

// follower implements game.Follower. Both seats see the same.
type follower struct {
	exact bool
	view  *gomokupb.View
}

func (g gomoku) Follow(seat int, overrides, view []byte) (game.Follower, error) {
	if seat < game.Public || seat >= seats {
		return nil, fmt.Errorf("gomoku: no seat %d", seat)
	}
	r, err := parseRules(overrides)
	if err != nil {
		return nil, err
	}
	f := &follower{exact: r.Exact, view: &gomokupb.View{}}
	if err := proto.Unmarshal(view, f.view); err != nil {
		return nil, fmt.Errorf("gomoku: view: %w", err)
	}
	return f, nil
}

func (f *follower) Told(event []byte) error {
	var e gomokupb.Event
	if err := proto.Unmarshal(event, &e); err != nil {
		return fmt.Errorf("gomoku: event: %w", err)
	}
	switch b := e.Body.(type) {
	case *gomokupb.Event_Begun:
		f.view = &gomokupb.View{Size: b.Begun.Size, Black: b.Begun.Black, Exact: f.exact, Turn: &b.Begun.Black}
	case *gomokupb.Event_Placed:
		if f.view.Size == 0 || b.Placed.Seat >= seats || b.Placed.Point == nil {
			return errors.New("gomoku: a stone before the game, of nobody or nowhere")
		}
		turn := 1 - b.Placed.Seat
		f.view.Stones, f.view.Turn = append(f.view.Stones, b.Placed.Point), &turn
	case *gomokupb.Event_Over:
		f.view.Over, f.view.Turn = b.Over, nil
	default:
		return errors.New("gomoku: an event of no kind")
	}
	return nil
}

func (f *follower) View() []byte { return marshal(f.view) }
