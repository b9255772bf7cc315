package gomoku

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/gomoku/gomokupb"
)

const (
	// Name is the game's id on the wire and in stored hands.
	Name = "gomoku"

	seats   = 2
	version = 1
	// limit is the time for a move. Tools that replay hands must agree on it.
	limit = 30 * time.Second
	// maxMove bounds a move's bytes; the longest one is below 10.
	maxMove = 64
)

// gomoku implements game.Game.
type gomoku struct{}

func New() game.Game { return gomoku{} }

func (gomoku) Name() string    { return Name }
func (gomoku) Version() uint32 { return version }
func (gomoku) Seats() int      { return seats }

// Limits implements game.Game.
func (gomoku) Limits() []game.Limit { return []game.Limit{{Question: "turn", Limit: limit}} }

func (gomoku) Deal(s game.Setup) (game.Hand, error) {
	r, err := parseRules(s.Rules)
	if err != nil {
		return nil, err
	}
	if s.Dealer < 0 || s.Dealer >= seats || s.Version > version {
		return nil, fmt.Errorf("gomoku: dealer %d, version %d", s.Dealer, s.Version)
	}
	return &hand{rules: r, dealer: s.Dealer, board: newBoard(r.Size)}, nil
}

// Restore replays the moves, so that damaged input cannot lead to an impossible position.
func (g gomoku) Restore(snapshot []byte) (game.Hand, error) {
	var s gomokupb.State
	if err := proto.Unmarshal(snapshot, &s); err != nil {
		return nil, fmt.Errorf("gomoku: snapshot: %w", err)
	}
	dealt, err := g.Deal(game.Setup{Rules: []byte(s.GetRules()), Dealer: int(s.GetDealer())})
	if err != nil {
		return nil, fmt.Errorf("gomoku: snapshot: %w", err)
	}
	h := dealt.(*hand)
	for _, p := range s.GetStones() {
		if h.over() || int(p) >= len(h.board.points) || h.board.points[p] != none {
			return nil, fmt.Errorf("gomoku: snapshot: no stone can be placed at %d", p)
		}
		h.board.place(int(p))
	}
	switch s.GetGivenUp() {
	case 0:
	case gomokupb.Over_RESIGNED, gomokupb.Over_TIMED_OUT:
		if h.over() {
			return nil, fmt.Errorf("gomoku: snapshot: given up after the end")
		}
		h.givenUp = s.GetGivenUp()
	default:
		return nil, fmt.Errorf("gomoku: snapshot: given up by %v", s.GetGivenUp())
	}
	return h, nil
}
