package swarm

import (
	"context"
	"time"

	"teahouse/bench/audit"
	"teahouse/bench/proof"
	"teahouse/pkg/client"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// sitting is a player at a table.
type sitting struct {
	*player
	seat       *seat
	table      *client.Table
	companions int            // how many of ours sit at the table, as it opened
	game       string         // that is played
	witness    *proof.Witness // nil = nobody wants proofs
}

// play answers prompts until the table has released the player.
func (s *sitting) play(ctx context.Context) error {
	sampled := s.sampled()
	if sampled {
		s.probe(ctx, 1, wirepb.Code_NOT_FOUND)
	}
	if s.s.cfg.Proof != nil {
		s.witness = proof.NewWitness(s.table.ID(), s.table.Seat())
		defer s.testify()
	}
	for {
		e, err := s.table.Receive(ctx)
		if err != nil {
			return err
		}
		released := false
		s.witnessed(ctx, e)
		if e.View != nil {
			s.opened(e.View.Opened)
			released = e.View.Released
			if open := e.View.Prompt; open != nil {
				err = s.answer(ctx, open.Number, open.Prompt)
			}
		} else {
			switch b := e.Event.Body.(type) {
			case *wirepb.TableEvent_Opened:
				s.opened(b.Opened)
			case *wirepb.TableEvent_Prompt:
				err = s.answer(ctx, e.Number, b.Prompt)
			case *wirepb.TableEvent_HandEnded:
				if s.table.Seat() == 0 {
					s.s.meter.hands.Add(1)
				}
			case *wirepb.TableEvent_Released:
				released = true
			}
		}
		if err != nil {
			return err
		}
		if released {
			break
		}
	}
	if sampled {
		s.probe(ctx, 1, wirepb.Code_OK)
	}
	return nil
}

// opened counts who of the table is ours.
func (s *sitting) opened(o *wirepb.Opened) {
	s.companions, s.game = 0, o.GetGame()
	for _, seat := range o.GetSeats() {
		if s.s.ours[game.PlayerID(seat.Player)] {
			s.companions++
		}
	}
}

// answer moves.
func (s *sitting) answer(ctx context.Context, number uint64, p *wirepb.Prompt) error {
	due := s.think(ctx, time.Duration(p.LimitMs)*time.Millisecond)
	move, err := decide(s.game, s.rand, s.table.View(), p.Game)
	if err != nil {
		return err
	}
	sent := audit.Move{Prompt: number, Hash: audit.HashMove(move)}
	s.moving.Store(uint64(s.table.ID()))
	sent.Number, err = s.table.Move(ctx, number, move)
	s.moving.Store(0)
	if err == nil && !due.IsZero() {
		s.s.meter.made(time.Since(due))
	}
	s.seat.Moves = append(s.seat.Moves, sent)
	switch game.CodeOf(err, wirepb.Code_OK) {
	case wirepb.Code_OK, wirepb.Code_TABLE_GONE, wirepb.Code_NOT_SEATED, wirepb.Code_SUPERSEDED:
		return err
	}
	return nil // counted by the meter; the table goes on
}

// sampled chooses one seat of some tables, to ask for archives as players do.
func (s *sitting) sampled() bool {
	return s.table.ID().Seq()%16 == 1 && s.table.Seat() == 0
}

// probe asks for a hand's archive and expects want.
func (s *sitting) probe(ctx context.Context, hand uint32, want wirepb.Code) {
	reply := &wirepb.HandReply{}
	err := s.client.Repeat(ctx, "archive.hand", 0, &wirepb.HandRequest{Table: uint64(s.table.ID()), Hand: hand}, reply)
	if ctx.Err() != nil {
		return
	}
	if got := game.CodeOf(err, wirepb.Code_OK); got != want {
		s.s.meter.count("archive.hand " + got.String())
		return
	}
	if want == wirepb.Code_OK {
		s.s.book.sample(s.table.ID(), hand, reply.Archive)
	}
}
