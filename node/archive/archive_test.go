package archive_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"teahouse/node/archive"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

// results knows hand 2 of table 5 for player 7.
type results struct {
	err  error
	hang bool

	panics bool
}

func (r results) Archive(ctx context.Context, key game.HandKey, p game.PlayerID) ([]byte, error) {
	if r.panics {
		panic("secret")
	}
	if r.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if (key != game.HandKey{Cluster: "c", Table: 5, Hand: 2}) || p != 7 {
		return nil, game.ErrNotFound
	}
	return []byte("record"), r.err
}

// pool runs tasks at once, or refuses them all.
type pool struct{ full bool }

func (p pool) Submit(task func()) error {
	if p.full {
		return errors.New("full")
	}
	task()
	return nil
}

// call demands exactly one reply.
func call(t *testing.T, r results, p pool, player uint64, payload []byte) *linkpb.Response {
	t.Helper()
	var said strings.Builder
	s, err := archive.New(archive.Config{Cluster: "c", Results: r, Pool: p, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var replies []*linkpb.Response
	s.Hand("gateway", &linkpb.Request{Player: player, Payload: payload}, func(r *linkpb.Response) { replies = append(replies, r) })
	if len(replies) != 1 {
		t.Fatalf("%d replies, want one", len(replies))
	}
	if r.panics && (strings.Contains(said.String(), "secret") || !strings.Contains(said.String(), "panicked with a string")) {
		t.Errorf("the log says: %s", &said)
	}
	wiretest.Answered(t, "archive.hand", replies[0].Code)
	return replies[0]
}

func request(table uint64, hand uint32) []byte {
	payload, _ := proto.Marshal(&wirepb.HandRequest{Table: table, Hand: hand})
	return payload
}

func TestHand(t *testing.T) {
	for name, c := range map[string]struct {
		results results
		pool    pool
		player  uint64
		payload []byte
		want    wirepb.Code
	}{
		"own hand":         {player: 7, payload: request(5, 2), want: wirepb.Code_OK},
		"before login":     {payload: request(5, 2), want: wirepb.Code_NOT_LOGGED_IN},
		"garbage":          {player: 7, payload: []byte{0xff}, want: wirepb.Code_BAD_REQUEST},
		"no table":         {player: 7, payload: request(0, 2), want: wirepb.Code_BAD_REQUEST},
		"no hand":          {player: 7, payload: request(5, 0), want: wirepb.Code_BAD_REQUEST},
		"another's":        {player: 8, payload: request(5, 2), want: wirepb.Code_NOT_FOUND},
		"another hand":     {player: 7, payload: request(5, 3), want: wirepb.Code_NOT_FOUND},
		"round runs":       {results: results{err: game.ErrNotOver}, player: 7, payload: request(5, 2), want: wirepb.Code_NOT_OVER},
		"broken store":     {results: results{err: errors.New("secret")}, player: 7, payload: request(5, 2), want: wirepb.Code_UNAVAILABLE},
		"full pool":        {pool: pool{full: true}, player: 7, payload: request(5, 2), want: wirepb.Code_UNAVAILABLE},
		"store panics":     {results: results{panics: true}, player: 7, payload: request(5, 2), want: wirepb.Code_INTERNAL},
		"store that hangs": {results: results{hang: true}, player: 7, payload: request(5, 2), want: wirepb.Code_UNAVAILABLE},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := call(t, c.results, c.pool, c.player, c.payload)
				var reply wirepb.HandReply
				if err := proto.Unmarshal(got.Payload, &reply); err != nil {
					t.Fatal(err)
				}
				if got.Code != c.want || got.Detail == "secret" || (string(reply.Archive) == "record") != (c.want == wirepb.Code_OK) {
					t.Errorf("%v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []archive.Config{
		{}, {Cluster: "c", Pool: pool{}}, {Cluster: "c", Results: results{}}, {Results: results{}, Pool: pool{}},
		{Cluster: "c", Results: results{}, Pool: pool{}, Timeout: -1},
	} {
		if _, err := archive.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
