// Package archive returns the records of players' own hands: archive.hand.
//
//	s, err := archive.New(archive.Config{Cluster: id, Results: store, Pool: pool, Logger: log})
//	dispatch.Handle("archive.hand", s.Hand)
//
// A record holds every hidden tile of its hand. So only players of that hand get it, and only once
// the last hand of the round is settled; the store decides both. The method has scope SESSION.
// node/host wires the package.
package archive

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
	Archive(ctx context.Context, key game.HandKey, player game.PlayerID) ([]byte, error)
}

// Pool runs blocking functions. Submit must not wait: a full pool refuses.
type Pool interface {
	Submit(task func()) error
}

type Config struct {
	Cluster string        // cluster id; required
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
	if cfg.Cluster == "" || cfg.Results == nil || cfg.Pool == nil {
		return nil, errors.New("archive: cluster id, results and pool are required")
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("archive: timeout %v is below zero", cfg.Timeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 3 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg}, nil
}

// Hand answers archive.hand.
func (s *Service) Hand(_ string, req *linkpb.Request, reply func(*linkpb.Response)) {
	refuse := func(code wirepb.Code, detail string) {
		reply(&linkpb.Response{Code: code, Detail: detail})
	}
	if req.Player == 0 {
		refuse(wirepb.Code_NOT_LOGGED_IN, "")
		return
	}
	var want wirepb.HandRequest
	if err := proto.Unmarshal(req.Payload, &want); err != nil {
		refuse(wirepb.Code_BAD_REQUEST, "the payload is no HandRequest")
		return
	}
	if want.Table == 0 || want.Hand == 0 {
		refuse(wirepb.Code_BAD_REQUEST, "table and hand count from 1")
		return
	}
	err := s.cfg.Pool.Submit(func() { s.look(&want, game.PlayerID(req.Player), refuse, reply) })
	if err != nil {
		refuse(wirepb.Code_UNAVAILABLE, "too many look-ups")
	}
}

// look reads the store and replies.
func (s *Service) look(want *wirepb.HandRequest, player game.PlayerID,
	refuse func(wirepb.Code, string), reply func(*linkpb.Response),
) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Timeout)
	defer cancel()
	key := game.HandKey{Cluster: s.cfg.Cluster, Table: game.TableID(want.Table), Hand: want.Hand}
	var payload []byte
	err := panics.Try(func() error {
		data, err := s.cfg.Results.Archive(ctx, key, player)
		if err == nil {
			payload, err = proto.Marshal(&wirepb.HandReply{Archive: data})
		}
		return err
	})
	_, panicked := errors.AsType[*panics.Panic](err)
	switch {
	case panicked:
		s.cfg.Logger.Error("look-up failed", "method", "archive.hand", "player", player, "key", key, "err", err)
		refuse(wirepb.Code_INTERNAL, "")
	case err == nil:
		reply(&linkpb.Response{Payload: payload})
	case errors.Is(err, game.ErrNotFound):
		refuse(wirepb.Code_NOT_FOUND, "no such hand of yours is settled")
	case errors.Is(err, game.ErrNotOver):
		refuse(wirepb.Code_NOT_OVER, "the round still runs")
	default:
		s.cfg.Logger.Warn("look-up failed", "method", "archive.hand", "player", player, "key", key, "err", err)
		refuse(wirepb.Code_UNAVAILABLE, "the database does not answer")
	}
}
