package shard

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/planted"
	"teahouse/pkg/wire/wirepb"
)

const (
	// keptRefusals is how many refused creations are remembered, to give the same answer to a
	// repetition. The coordinator has far fewer unconfirmed creations at a time.
	keptRefusals = 1024

	// maxAdvanceMS bounds what one entry can add to log time.
	maxAdvanceMS = 60_000
)

// state is the replicated state of a shard. It is pure: equal entries give
// equal states.
type state struct {
	now       uint64   // log time, milliseconds
	created   uint64   // sequence number of the last creation
	refused   []uint64 // sequence numbers of the last refused creations, ascending
	bound     int      // of unsettled hands, from the last TookOver
	tables    map[game.TableID]*table.Table
	unsettled int // sum over the tables
	applied   uint64
	refusals  uint64 // counted since the process started; not in snapshots

	deadlines deadlines // index over tables
}

func newState() state {
	return state{tables: make(map[game.TableID]*table.Table), deadlines: newDeadlines()}
}

// apply applies one command, to a single table or to all; done is called for each table.
func (st *state) apply(cfg *Config, term uint64, c *tablepb.Command, raw []byte, done func(*table.Table, table.Output)) {
	switch b := c.GetBody().(type) {
	case *tablepb.Command_TookOver:
		st.bound = int(b.TookOver.GetUnsettledBound())
		// In a fixed order, because the tables share how many more hands may be dealt.
		for _, id := range slices.Sorted(maps.Keys(st.tables)) {
			st.applyTable(st.tables[id], term, c, raw, done)
		}
		return
	case *tablepb.Command_Create:
		t, out := st.create(cfg, game.TableID(c.GetTable()), b.Create)
		done(t, out)
		return
	}
	id := game.TableID(c.GetTable())
	if t := st.tables[id]; t != nil {
		st.applyTable(t, term, c, raw, done)
		return
	}
	refusal := table.Reply{Code: wirepb.Code_TABLE_GONE, Detail: "the table is over"}
	if id.Seq() > st.created {
		refusal = table.Reply{Code: wirepb.Code_TABLE_UNAVAILABLE, Detail: "the table is not here yet"}
	}
	done(nil, table.Output{Reply: &refusal})
}

func (st *state) applyTable(t *table.Table, term uint64, c *tablepb.Command, raw []byte, done func(*table.Table, table.Output)) {
	before := t.Unsettled()
	out := t.Apply(table.Entry{NowMS: st.now, Term: term, Room: st.bound - st.unsettled, Command: c, Raw: raw})
	st.unsettled += t.Unsettled() - before
	if t.Phase() == tablepb.Phase_GONE {
		delete(st.tables, t.ID())
		st.deadlines.remove(t.ID())
	} else {
		st.deadlines.set(t)
	}
	done(t, out)
}

// create makes a table. Creations must come in the order of the coordinator's numbers; a refused one
// uses up its number too.
func (st *state) create(cfg *Config, id game.TableID, c *tablepb.Create) (*table.Table, table.Output) {
	switch seq := id.Seq(); {
	case id.Shard() != cfg.Group || uint64(id) != c.GetSpec().GetTable():
		return nil, refusal(wirepb.Code_BAD_REQUEST, "table of another shard")
	case seq <= st.created && planted.Is(planted.CreatedAgain) && st.tables[id] == nil:
		st.created = seq - 1 // go on below as if it were new
	case seq <= st.created && planted.Is(planted.RefusalForgot):
		return nil, created(false, "")
	case seq <= st.created:
		_, was := slices.BinarySearch(st.refused, seq)
		return nil, created(was, "refused before")
	case seq > st.created+1:
		return nil, refusal(wirepb.Code_NUMBER_GAP, "an earlier creation is missing")
	}
	st.created++
	why := c.GetRefuse()
	if why == "" && st.unsettled >= st.bound {
		why = "too many unsettled hands"
	}
	var t *table.Table
	if why == "" {
		var err error
		if t, err = newTable(cfg.Games[c.GetSpec().GetGame()], c, st.now); err != nil {
			why = err.Error()
		}
	}
	if why != "" {
		st.refusals++
		st.refused = append(st.refused, id.Seq())
		st.refused = st.refused[max(0, len(st.refused)-keptRefusals):]
		return nil, created(true, why)
	}
	st.tables[id] = t
	st.deadlines.set(t)
	return t, created(false, "")
}

// newTable makes a table. It turns a panic of the game into an error, because it would otherwise end the
// process on every replica.
func newTable(g game.Game, c *tablepb.Create, now uint64) (t *table.Table, err error) {
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("panicked with a %T", p) // its text may show secrets
		}
	}()
	return table.New(g, c, now)
}

func created(refused bool, why string) table.Output {
	r := &linkpb.CreateTableReply{Refused: refused}
	if refused {
		r.Why = why
	}
	payload, err := proto.Marshal(r)
	if err != nil { // why is not valid UTF-8
		payload, _ = proto.Marshal(&linkpb.CreateTableReply{Refused: refused})
	}
	return table.Output{Reply: &table.Reply{Payload: payload}}
}

func refusal(code game.Code, detail string) table.Output {
	return table.Output{Reply: &table.Reply{Code: code, Detail: detail}}
}
