package shard

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions"
	"teahouse/pkg/versions/versionstest"
	"teahouse/pkg/wire/wirepb"
)

// The fast path for frequent commands gives the same answer as versions.Unknown.
func TestUnknownCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		s := c.shards[0]
		tried := 0
		for where, m := range versionstest.Newer(&tablepb.Command{Table: uint64(tableID(1))}) {
			tried++
			cmd := m.(*tablepb.Command)
			if create := cmd.GetCreate(); create != nil {
				create.Refuse = "so that its game does not matter"
			}
			if got, want := s.unknown(cmd) != "", versions.Unknown(cmd) != ""; got != want || !got {
				t.Errorf("%s: unknown %v, as a whole %v", where, got, want)
			}
		}
		if tried < 12 {
			t.Errorf("only %d places", tried)
		}
		// The fast path does not look into fields of these messages, so they must have none with
		// messages or enums of their own, but for those that it knows.
		for _, m := range []proto.Message{&tablepb.Move{}, &tablepb.Bot{}, &tablepb.Deadline{}, &tablepb.Attach{}} {
			fields := m.ProtoReflect().Descriptor().Fields()
			for i := range fields.Len() {
				f := fields.Get(i)
				if f.Message() != nil || f.Enum() != nil && f.Name() != "auto_play" {
					t.Errorf("%s: the fast path does not check this field", f.FullName())
				}
			}
		}
	})
}

// Anything unknown halts a replica before any part of its entry takes effect; a command that the state
// refuses does not.
func TestUnknownHalts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", "", 2, 11, 12, 13, 14), false)
		s := c.shards[1]
		raw := func(m proto.Message) []byte {
			b, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		known := &tablepb.Command{Table: uint64(tableID(1)), Body: &tablepb.Command_Leave{Leave: &tablepb.Leave{Player: 11, Epoch: 9}}}
		synctest.Wait() // a follower may apply an entry only after the leader has answered
		before := dump(t, s)
		halts := func(name string, commands ...[]byte) {
			t.Helper()
			h, is := s.Apply(raftgroup.Entry{Index: 1 << 20, Data: raw(&tablepb.Batch{AdvanceMs: 500, Commands: commands})}).(raftgroup.Halt)
			if !is || h.Reason == "" {
				t.Errorf("%s does not halt", name)
			}
			if !bytes.Equal(dump(t, s), before) {
				t.Fatalf("%s had an effect", name)
			}
		}
		create := func(edit func(*tablepb.Create)) []byte {
			spec := &tablepb.Create{Spec: createTable(2, "bench", "", 2, 21, 22, 23, 24), Timing: &tablepb.Timing{}}
			edit(spec)
			return raw(&tablepb.Command{Table: spec.GetSpec().GetTable(), Body: &tablepb.Command_Create{Create: spec}})
		}
		for where, m := range versionstest.Newer(&tablepb.Command{Table: uint64(tableID(1))}) {
			if strings.HasPrefix(where, ".create") {
				continue // tested below, with a known game
			}
			halts(where, raw(known), raw(m))
		}
		for where, m := range versionstest.Newer(&tablepb.Create{Spec: createTable(2, "bench", "", 2, 21, 22, 23, 24)}) {
			halts("create "+where, raw(known), raw(&tablepb.Command{Table: uint64(tableID(2)), Body: &tablepb.Command_Create{Create: m.(*tablepb.Create)}}))
		}
		halts("no body", raw(known), raw(&tablepb.Command{Table: 1}))
		halts("malformed", raw(known), []byte{0xff})
		halts("a game", create(func(m *tablepb.Create) { m.Spec.Game = "bridge" }))
		halts("a version", create(func(m *tablepb.Create) { m.Spec.GameVersion = tabletest.Game{}.Version() + 1 }))
		halts("rules", create(func(m *tablepb.Create) { m.Spec.Rules = []byte(`{"turns":-1}`) }))
		if h, is := s.Apply(raftgroup.Entry{Index: 1 << 20, Data: []byte("no batch")}).(raftgroup.Halt); !is {
			t.Errorf("no batch: %v", h)
		}
		// A refusal in the log is applied alike by replicas that know the game and those that do not.
		s.Apply(raftgroup.Entry{Index: 1 << 20, Data: raw(&tablepb.Batch{Commands: [][]byte{
			create(func(m *tablepb.Create) { m.Spec.Game, m.Refuse = "bridge", "not known here" }),
		}})})
		if got := s.Status().Refused; got != 1 {
			t.Errorf("%d refused", got)
		}
	})
}

func TestUnknownInSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", "", 2, 11, 12, 13, 14), false)
		in := bytes.NewReader(dump(t, c.shards[0]))
		var head tablepb.Shard
		var m tablepb.Table
		for _, part := range []proto.Message{&head, &m} {
			if err := protodelim.UnmarshalFrom(in, part); err != nil {
				t.Fatal(err)
			}
		}
		restore := func(parts ...proto.Message) error {
			var b bytes.Buffer
			for _, part := range parts {
				if _, err := protodelim.MarshalTo(&b, part); err != nil {
					t.Fatal(err)
				}
			}
			return c.newShard(9, nil).Restore(&b)
		}
		if err := restore(&head, &m); err != nil {
			t.Fatal(err)
		}
		for where, newer := range versionstest.Newer(&head) {
			if err := restore(newer, &m); !errors.As(err, new(raftgroup.Halt)) {
				t.Errorf("head%s: %v", where, err)
			}
		}
		for where, newer := range versionstest.Newer(&m) {
			if err := restore(&head, newer); !errors.As(err, new(raftgroup.Halt)) {
				t.Errorf("table%s: %v", where, err)
			}
		}
		for name, edit := range map[string]func(*tablepb.Table){
			"game":    func(m *tablepb.Table) { m.Game = "bridge" },
			"version": func(m *tablepb.Table) { m.GameVersion = 2 },
			"hand":    func(m *tablepb.Table) { m.Phase, m.Play = tablepb.Phase_PLAYING, []byte("of a newer game") },
		} {
			newer := proto.CloneOf(&m)
			edit(newer)
			if err := restore(&head, newer); !errors.As(err, new(raftgroup.Halt)) {
				t.Errorf("%s: %v", name, err)
			}
		}
		old := proto.CloneOf(&m)
		old.GameVersion = 0
		if err := restore(&head, old); err != nil {
			t.Errorf("a table of before games had versions: %v", err)
		}
	})
}

// Unknown parts in requests of clients, or of coordinators of a newer build, do not reach the log.
func TestUnknownIsNotProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		defer c.close()
		c.lead(0)
		c.create(createTable(1, "bench", "", 2, 11, 12, 13, 14), false)
		c.want(c.call("table.attach", tableID(1), 11, 1, &wirepb.AttachRequest{}), wirepb.Code_OK)
		entries := c.entryCount()
		c.want(c.call("table.move", tableID(1), 11, 1, &wirepb.MoveRequest{Number: 1, AutoPlay: 99}), wirepb.Code_MOVE_MALFORMED)
		for where, m := range versionstest.Newer(createTable(2, "bench", "", 2, 21, 22, 23, 24)) {
			if r := c.call("cluster.create", tableID(2), 0, 0, m); r.Code != wirepb.Code_UNAVAILABLE {
				t.Errorf("%s: %v", where, r)
			}
		}
		if got := c.entryCount(); got != entries {
			t.Errorf("%d entries more", got-entries)
		}
		// Unknown fields of a client's message are dropped.
		for where, m := range versionstest.Newer(&wirepb.AttachRequest{}) {
			if r := c.call("table.attach", tableID(1), 11, 1, m); r.Code != game.Code(wirepb.Code_OK) {
				t.Errorf("%s: %v", where, r)
			}
		}
		// A creation with an unknown game is refused and uses up its number: the tickets go to another shard.
		for seq, edit := range []func(*tablepb.Create){
			func(m *tablepb.Create) { m.Spec.Game = "bridge" },
			func(m *tablepb.Create) { m.Spec.GameVersion = 2 },
			func(m *tablepb.Create) { m.Spec.Rules = []byte(`{"turns":-1}`) },
		} {
			m := &tablepb.Create{Spec: createTable(uint64(2+seq), "bench", "", 2, 21, 22, 23, 24)}
			edit(m)
			c.create(m.Spec, true)
		}
		c.equal()
	})
}
