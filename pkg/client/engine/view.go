package engine

import (
	"errors"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// View keeps what a seat may know of the hand at its table, by what the seat is told. Prompts
// do not repeat it.
//
//	v := engine.NewView(seat, games)
//	err := v.Told(event) // or v.Snapshot(view), each that the table pushes
//	move, err := v.Think(prompt.Game, game.Strong)
//
// It is not safe for concurrent use. Without a game that games knows it keeps nothing.
type View struct {
	seat     int
	games    func(name string) game.Game
	game     game.Game
	rules    []byte
	follower game.Follower
}

// NewView begins before the first event of a seat. The function games returns nil for a game that
// this client does not know.
func NewView(seat int, games func(name string) game.Game) *View {
	return &View{seat: seat, games: games}
}

// Told takes in the next event of the table. An error says that no table would tell this.
func (v *View) Told(e *wirepb.TableEvent) error {
	switch b := e.GetBody().(type) {
	case *wirepb.TableEvent_Opened:
		return v.opened(b.Opened, nil)
	case *wirepb.TableEvent_Game:
		if v.follower != nil {
			return v.follower.Told(b.Game)
		}
	}
	return nil
}

// Snapshot begins anew from a view of the table.
func (v *View) Snapshot(t *wirepb.TableView) error { return v.opened(t.GetOpened(), t.GetGame()) }

func (v *View) opened(o *wirepb.Opened, view []byte) (err error) {
	v.game, v.rules, v.follower = v.games(o.GetGame()), o.GetRules(), nil
	if v.game == nil {
		return nil
	}
	if len(view) == 0 {
		view = nil // no hand has been dealt
	}
	v.follower, err = v.game.Follow(v.seat, v.rules, view)
	return err
}

// Game is the view, as game.Hand.View makes it; nil if the game is not known.
func (v *View) Game() []byte {
	if v == nil || v.follower == nil {
		return nil
	}
	return v.follower.View()
}

// Think returns a bot's answer to a prompt of this seat.
func (v *View) Think(prompt []byte, strength game.Strength) ([]byte, error) {
	if v == nil || v.follower == nil {
		return nil, errors.New("engine: the game is not known here")
	}
	return v.game.Think(v.rules, v.Game(), prompt, strength)
}
