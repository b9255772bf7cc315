package account_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/node/account"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
	"teahouse/pkg/wire/wiretest"
)

// results answers for player 7; for others it fails with err.
type results struct {
	err    error
	hang   bool
	panics bool
	before uint64
	limit  int
}

func (r *results) Profile(ctx context.Context, p game.PlayerID) (game.Profile, error) {
	if r.panics {
		panic("secret")
	}
	if r.hang {
		<-ctx.Done()
		return game.Profile{}, ctx.Err()
	}
	return game.Profile{Player: p, Name: "Ping", Rating: 1600, Score: -5, Hands: 3}, r.err
}

func (r *results) Hands(_ context.Context, _ game.PlayerID, before uint64, limit int) ([]game.HandLine, error) {
	if r.panics {
		panic("secret")
	}
	r.before, r.limit = before, limit
	return []game.HandLine{{ID: 9, Table: 8, Hand: 7, Seat: 3, Score: -2, Queue: "practice", Finished: time.UnixMilli(5)}}, r.err
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

type handler func(*account.Service) func(string, *linkpb.Request, func(*linkpb.Response))

func profile(s *account.Service) func(string, *linkpb.Request, func(*linkpb.Response)) {
	return s.Profile
}

func hands(s *account.Service) func(string, *linkpb.Request, func(*linkpb.Response)) { return s.Hands }

// call demands exactly one reply.
func call(t *testing.T, r *results, p pool, h handler, player uint64, payload []byte) *linkpb.Response {
	t.Helper()
	var said strings.Builder
	s, err := account.New(account.Config{Results: r, Pool: p, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var replies []*linkpb.Response
	h(s)("gateway", &linkpb.Request{Player: player, Payload: payload}, func(r *linkpb.Response) { replies = append(replies, r) })
	if len(replies) != 1 {
		t.Fatalf("%d replies, want one", len(replies))
	}
	if r.panics && (strings.Contains(said.String(), "secret") || !strings.Contains(said.String(), "panicked with a string")) {
		t.Errorf("the log says: %s", &said)
	}
	wiretest.Answered(t, "account.profile", replies[0].Code)
	return replies[0]
}

func TestRefusals(t *testing.T) {
	const most = 100
	wiretest.Bounded(t, "account.hands", most)
	tooMany, _ := proto.Marshal(&wirepb.HandsRequest{Limit: most + 1})
	for name, c := range map[string]struct {
		results results
		pool    pool
		handler handler
		player  uint64
		payload []byte
		want    wirepb.Code
	}{
		"profile before login":   {handler: profile, want: wirepb.Code_NOT_LOGGED_IN},
		"hands before login":     {handler: hands, want: wirepb.Code_NOT_LOGGED_IN},
		"garbage":                {handler: hands, player: 7, payload: []byte{0xff}, want: wirepb.Code_BAD_REQUEST},
		"limit":                  {handler: hands, player: 7, payload: tooMany, want: wirepb.Code_BAD_REQUEST},
		"full pool":              {handler: profile, player: 7, pool: pool{full: true}, want: wirepb.Code_UNAVAILABLE},
		"profile, broken store":  {handler: profile, player: 7, results: results{err: errors.New("secret")}, want: wirepb.Code_UNAVAILABLE},
		"hands, broken store":    {handler: hands, player: 7, results: results{err: errors.New("secret")}, want: wirepb.Code_UNAVAILABLE},
		"profile, panic":         {handler: profile, player: 7, results: results{panics: true}, want: wirepb.Code_INTERNAL},
		"hands, panic":           {handler: hands, player: 7, results: results{panics: true}, want: wirepb.Code_INTERNAL},
		"hands, not found store": {handler: hands, player: 7, results: results{err: game.ErrNotFound}, want: wirepb.Code_UNAVAILABLE},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, &c.results, c.pool, c.handler, c.player, c.payload)
			if got.Code != c.want || got.Detail == "secret" || got.Payload != nil {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want *wirepb.ProfileReply
	}{
		"settled hands": {nil, &wirepb.ProfileReply{Player: 7, Name: "Ping", Rating: 1600, Score: -5, Hands: 3}},
		"none yet":      {game.ErrNotFound, &wirepb.ProfileReply{Player: 7, Rating: game.DefaultRating}},
	} {
		got := call(t, &results{err: c.err}, pool{}, profile, 7, nil)
		var reply wirepb.ProfileReply
		if err := proto.Unmarshal(got.Payload, &reply); err != nil || got.Code != wirepb.Code_OK || !proto.Equal(&reply, c.want) {
			t.Errorf("%s: %v %v, want %v", name, got, &reply, c.want)
		}
	}
}

func TestHands(t *testing.T) {
	for limit, want := range map[uint32]int{0: 20, 1: 1, 100: 100} {
		r := &results{}
		payload, _ := proto.Marshal(&wirepb.HandsRequest{Limit: limit, Before: 44})
		got := call(t, r, pool{}, hands, 7, payload)
		var reply wirepb.HandsReply
		if err := proto.Unmarshal(got.Payload, &reply); err != nil {
			t.Fatal(err)
		}
		line := &wirepb.HandLine{Id: 9, Table: 8, Hand: 7, Seat: 3, Score: -2, Queue: "practice", FinishedUnixMs: 5}
		if r.limit != want || r.before != 44 || len(reply.Hands) != 1 || !proto.Equal(reply.Hands[0], line) {
			t.Errorf("limit %d: asked for %d below %d, got %v", limit, r.limit, r.before, &reply)
		}
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := call(t, &results{hang: true}, pool{}, profile, 7, nil); got.Code != wirepb.Code_UNAVAILABLE {
			t.Errorf("from a hanging store: %v", got)
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []account.Config{{}, {Results: &results{}}, {Results: &results{}, Pool: pool{}, Timeout: -1}} {
		if _, err := account.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
