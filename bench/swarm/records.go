package swarm

import (
	"context"
	"fmt"
	"time"

	"teahouse/bench/audit"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// records opens what tells how hands ended: the database, or, where nobody can ask that, the
// gateways, as any player may.
func (s *Swarm) records(ctx context.Context) (r records, done func(), err error) {
	_, dsn, err := s.target.Find()
	if err != nil {
		return nil, nil, err
	}
	if dsn == "" {
		s.unscored = true
		return asked{s}, func() {}, nil
	}
	l, err := openLedger(ctx, s.target, dsn)
	if err != nil {
		return nil, nil, err
	}
	return l, l.close, nil
}

// notAudited names what nobody could look at.
func (s *Swarm) notAudited() []string {
	not := []string{}
	if s.unscored {
		not = append(not, "that each hand is in the database once, with its scores (needs --db DSN)")
	}
	if !s.target.Visible() {
		not = append(not, "elections, CPU of nodes and gateways (need --status URL,…)")
	}
	return not
}

// asked gets archives by archive.hand.
type asked struct{ s *Swarm }

// askTimeout bounds the question for one archive.
const askTimeout = 20 * time.Second

func (a asked) take(ctx context.Context, table game.TableID, player game.PlayerID) (map[uint32]audit.Hand, error) {
	c := a.s.clientOf(player)
	if c == nil {
		return nil, fmt.Errorf("player %d is none of ours", player)
	}
	hands := make(map[uint32]audit.Hand)
	for hand := uint32(1); ; hand++ {
		archive, code, err := askFor(ctx, c, table, hand)
		if err != nil {
			return nil, err
		}
		if code != wirepb.Code_OK { // no such hand is settled, or the round still runs
			return hands, nil
		}
		hands[hand] = audit.Hand{Archive: archive}
	}
}

func askFor(ctx context.Context, c *client.Client, table game.TableID, hand uint32) ([]byte, wirepb.Code, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	reply := &wirepb.HandReply{}
	err := c.Repeat(ctx, "archive.hand", 0, &wirepb.HandRequest{Table: uint64(table), Hand: hand}, reply)
	code := game.CodeOf(err, wirepb.Code_OK)
	if err != nil && code == wirepb.Code_OK {
		return nil, code, fmt.Errorf("archive of table %v hand %d: %w", table, hand, err)
	}
	return reply.Archive, code, nil
}

// clientOf is the client of a player; nil = there is none.
func (s *Swarm) clientOf(id game.PlayerID) *client.Client {
	for _, p := range s.players {
		if p.id == id {
			return p.client
		}
	}
	return nil
}
