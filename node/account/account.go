// Package account answers a player's calls about their own standing: account.profile and
// account.hands, read from the database.
//
//	s, err := account.New(account.Config{Results: store, Pool: pool, Logger: log})
//	dispatch.Handle("account.profile", s.Profile)
//
// Both have scope SESSION, so the ring owner of the player executes them. The package changes
// nothing, caches nothing and does not check who owns the player: that is done before a call gets
// here. node/host wires it.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/panics"
	"teahouse/pkg/wire/wirepb"
)

// Results is the part of game.Results that this package reads.
type Results interface {
	Hands(ctx context.Context, player game.PlayerID, before uint64, limit int) ([]game.HandLine, error)
	Profile(ctx context.Context, player game.PlayerID) (game.Profile, error)
}

// Pool runs blocking functions. Submit must not wait: a full pool refuses.
type Pool interface {
	Submit(task func()) error
}

// Bounds of HandsRequest.limit.
const (
	defaultHands = 20
	maxHands     = 100
)

type Config struct {
	Results Results       // required
	Pool    Pool          // required
	Timeout time.Duration // of one look-up, default 3 s
	Logger  *slog.Logger  // default none
}

// Service is safe for concurrent use.
type Service struct {
	cfg Config
}

// New checks cfg.
func New(cfg Config) (*Service, error) {
	if cfg.Results == nil || cfg.Pool == nil {
		return nil, errors.New("account: results and pool are required")
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("account: timeout %v is below zero", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg}, nil
}

// Profile answers account.profile. A player without a settled hand has the initial standing.
func (s *Service) Profile(_ string, req *linkpb.Request, reply func(*linkpb.Response)) {
	s.answer(req, &wirepb.ProfileRequest{}, reply, func(ctx context.Context) (proto.Message, error) {
		p, err := s.cfg.Results.Profile(ctx, game.PlayerID(req.Player))
		if errors.Is(err, game.ErrNotFound) {
			p, err = game.Profile{Player: game.PlayerID(req.Player), Rating: game.DefaultRating}, nil
		}
		return &wirepb.ProfileReply{
			Player: uint64(p.Player), Name: p.Name, Rating: p.Rating, Score: p.Score, Hands: p.Hands,
		}, err
	})
}

// Hands answers account.hands.
func (s *Service) Hands(_ string, req *linkpb.Request, reply func(*linkpb.Response)) {
	var want wirepb.HandsRequest
	s.answer(req, &want, reply, func(ctx context.Context) (proto.Message, error) {
		limit := want.Limit
		if limit == 0 {
			limit = defaultHands
		}
		if limit > maxHands {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "limit %d is above %d", limit, maxHands)
		}
		lines, err := s.cfg.Results.Hands(ctx, game.PlayerID(req.Player), want.Before, int(limit))
		if err != nil {
			return nil, err
		}
		answer := &wirepb.HandsReply{Hands: make([]*wirepb.HandLine, len(lines))}
		for i, l := range lines {
			answer.Hands[i] = &wirepb.HandLine{
				Id: l.ID, Table: uint64(l.Table), Hand: l.Hand, Seat: uint32(l.Seat), Score: l.Score,
				FinishedUnixMs: l.Finished.UnixMilli(), Queue: l.Queue,
			}
		}
		return answer, nil
	})
}

// answer reads the request into want, runs look in the pool and replies once.
func (s *Service) answer(req *linkpb.Request, want proto.Message, reply func(*linkpb.Response),
	look func(context.Context) (proto.Message, error),
) {
	refuse := func(code wirepb.Code, detail string) {
		reply(&linkpb.Response{Code: code, Detail: detail})
	}
	if req.Player == 0 {
		refuse(wirepb.Code_NOT_LOGGED_IN, "")
		return
	}
	if err := proto.Unmarshal(req.Payload, want); err != nil {
		refuse(wirepb.Code_BAD_REQUEST, "the payload is no message of this method")
		return
	}
	err := s.cfg.Pool.Submit(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Timeout)
		defer cancel()
		var payload []byte
		err := panics.Try(func() error {
			message, err := look(ctx)
			if err == nil {
				payload, err = proto.Marshal(message)
			}
			return err
		})
		if refusal := (*game.Error)(nil); errors.As(err, &refusal) {
			refuse(refusal.Code, refusal.Detail)
			return
		}
		if _, is := errors.AsType[*panics.Panic](err); is {
			s.cfg.Logger.Error("look-up failed", "method", req.Method, "player", req.Player, "err", err)
			refuse(wirepb.Code_INTERNAL, "")
			return
		}
		if err != nil {
			s.cfg.Logger.Warn("look-up failed", "method", req.Method, "player", req.Player, "err", err)
			refuse(wirepb.Code_UNAVAILABLE, "the database does not answer")
			return
		}
		reply(&linkpb.Response{Payload: payload})
	})
	if err != nil {
		refuse(wirepb.Code_UNAVAILABLE, "too many look-ups")
	}
}
