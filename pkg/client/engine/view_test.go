package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"teahouse/pkg/client/engine"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// told is a game whose view is what was told.
type told struct{ game.Game }

type teller struct{ seen string }

func (told) Follow(seat int, rules, view []byte) (game.Follower, error) {
	if view == nil {
		view = fmt.Appendf(nil, "seat %d, %s:", seat, rules)
	}
	return &teller{string(view)}, nil
}

func (told) Think(rules, view, prompt []byte, strength game.Strength) ([]byte, error) {
	return fmt.Appendf(nil, "%s|%s|%s", rules, view, prompt), nil
}

func (t *teller) Told(event []byte) error {
	if len(event) == 0 {
		return errors.New("nothing")
	}
	t.seen += " " + string(event)
	return nil
}

func (t *teller) View() []byte { return []byte(t.seen) }

func happened(text string) *wirepb.TableEvent {
	return &wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: []byte(text)}}
}

func TestView(t *testing.T) {
	v := engine.NewView(2, func(name string) game.Game {
		if name == "told" {
			return told{}
		}
		return nil
	})
	steps := func(want string, events ...*wirepb.TableEvent) {
		t.Helper()
		for _, e := range events {
			if err := v.Told(e); err != nil {
				t.Fatal(err)
			}
		}
		if got := string(v.Game()); got != want {
			t.Errorf("the view is %q, want %q", got, want)
		}
	}
	opened := func(name string) *wirepb.Opened { return &wirepb.Opened{Game: name, Rules: []byte("rules")} }
	open := func(name string) *wirepb.TableEvent {
		return &wirepb.TableEvent{Body: &wirepb.TableEvent_Opened{Opened: opened(name)}}
	}
	steps("", happened("before the table opened"))
	if _, err := v.Think([]byte("?"), game.Middle); err == nil {
		t.Error("an answer without a view")
	}
	other := &wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{HandStarted: &wirepb.HandStarted{Hand: 1}}}
	steps("seat 2, rules: a b", open("told"), other, happened("a"), happened("b"))
	if move, err := v.Think([]byte("?"), game.Middle); err != nil || string(move) != "rules|seat 2, rules: a b|?" {
		t.Errorf("%q, %v", move, err)
	}
	if err := v.Told(happened("")); err == nil {
		t.Error("what no table would tell is no error")
	}
	if err := v.Snapshot(&wirepb.TableView{Opened: opened("told"), Game: []byte("all of it")}); err != nil {
		t.Fatal(err)
	}
	steps("all of it c", happened("c"))
	if err := v.Snapshot(&wirepb.TableView{Opened: opened("told")}); err != nil { // before a deal
		t.Fatal(err)
	}
	steps("seat 2, rules: d", happened("d"))
	steps("", open("unknown"), happened("e"))
}
