package audit

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/gomoku"
	"teahouse/pkg/mahjong/tablegame"
	"teahouse/pkg/wire/wirepb"
)

// played is the game that a table was opened with, according to its seats; "" if they were told
// nothing.
func played(t Table) string {
	for _, s := range t.Seats {
		if payload, ok := s.Stream.at(1); ok {
			var m wirepb.TableEvent
			if proto.Unmarshal(payload, &m) == nil && m.GetOpened() != nil {
				return m.GetOpened().GetGame()
			}
		}
		for _, snap := range s.Stream.snapshots {
			var m wirepb.TableView
			if proto.Unmarshal(snap.payload, &m) == nil && m.GetOpened() != nil {
				return m.GetOpened().GetGame()
			}
		}
	}
	return ""
}

// choose picks the rules to replay with.
func (c *checker) choose(name string) (err error) {
	switch name {
	case tablegame.Name, "":
		c.game, err = tablegame.New(tablegame.Config{Observe: c.known.Observe})
	case gomoku.Name:
		c.game, c.open = gomoku.New(), true
	default:
		err = fmt.Errorf("audit: nobody knows the game %q", name)
	}
	return err
}
