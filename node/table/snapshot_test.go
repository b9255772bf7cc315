package table

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// notStored lists the fields that need not be in a snapshot, each with the reason.
var notStored = map[string]string{
	"Table.game":   "found by its name",
	"Table.opened": "made of the rest",
	"Table.play":   "compared by its own snapshot",
	"Table.now":    "of the command being applied",
	"Table.term":   "of the command being applied",
	"Table.room":   "of the command being applied",
	"Table.out":    "of the command being applied",
}

// The test finds a field that the snapshot leaves out or confuses with another, also one that is added
// later: it changes each field in turn.
func TestSnapshotHoldsEveryField(t *testing.T) {
	paths := 0
	check := func(name string, tb *Table) {
		t.Helper()
		raw, err := proto.Marshal(tb.Message())
		if err != nil {
			t.Fatal(err)
		}
		got, err := Restore(raw, func(string) (game.Game, bool) { return tabletest.Game{}, true })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var differ []string
		leaves("Table", reflect.ValueOf(tb).Elem(), func(path string, v reflect.Value) {
			paths++
			if w := find(reflect.ValueOf(got).Elem(), path); !sameLeaf(v, w) {
				differ = append(differ, fmt.Sprintf("%s: %v became %v", path, v, w))
			}
		})
		if string(tb.play.Snapshot()) != string(got.play.Snapshot()) {
			differ = append(differ, "play")
		}
		if !proto.Equal(tb.opened, got.opened) {
			differ = append(differ, fmt.Sprintf("opened: %v became %v", tb.opened, got.opened))
		}
		for _, d := range differ {
			t.Errorf("%s: restored, %s", name, d)
		}
	}
	check("all fields set", filled(t))

	var all []string
	leaves("Table", reflect.ValueOf(filled(t)).Elem(), func(path string, _ reflect.Value) { all = append(all, path) })
	for _, path := range all {
		switch {
		case path == "Table.timing": // nil is restored as an empty Timing
			continue
		case path == "Table.turn.seats": // no seats: there is no turn
			continue
		case strings.HasSuffix(path, ".stream.events"), strings.HasSuffix(path, ".stream.times"): // one belongs to the other
			continue
		case path[len(path)-len(".number"):] == ".number" && len(path) > len("Table.seats[0].number"):
			continue // number 0 means no prompt, so the prompt's other fields are not stored
		}
		tb := filled(t)
		v := find(reflect.ValueOf(tb).Elem(), path)
		v.SetZero()
		tb.opened = tb.makeOpened()
		check("all but "+path, tb)
	}
	if paths < 2000 {
		t.Errorf("only %d fields were compared", paths)
	}
}

// filled returns a table with a different value in each field.
func filled(t *testing.T) *Table {
	t.Helper()
	g := tabletest.Game{}
	rules, err := g.Rules(nil)
	if err != nil {
		t.Fatal(err)
	}
	play, err := g.Deal(game.Setup{Rules: rules, Dealer: 2})
	if err != nil {
		t.Fatal(err)
	}
	tb := &Table{game: g, play: play, seats: []*seat{{}, {}, {}, {}}}
	n := int64(0)
	leaves("Table", reflect.ValueOf(tb).Elem(), func(path string, v reflect.Value) { fill(t, path, v, &n) })
	tb.dealer, tb.next = 1, 3
	tb.opened = tb.makeOpened()
	return tb
}

// leaves calls f for each field that is not a struct of this package.
func leaves(path string, v reflect.Value, f func(path string, v reflect.Value)) {
	switch {
	case notStored[path] != "":
	case v.Kind() == reflect.Pointer && v.Type() == reflect.TypeFor[*seat]():
		leaves(path, v.Elem(), f)
	case v.Kind() == reflect.Slice && v.Type() == reflect.TypeFor[[]*seat]():
		for i := range v.Len() {
			leaves(fmt.Sprintf("%s[%d]", path, i), v.Index(i), f)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem() // they are unexported
			leaves(path+"."+v.Type().Field(i).Name, field, f)
		}
	default:
		f(path, v)
	}
}

func find(root reflect.Value, path string) (found reflect.Value) {
	leaves("Table", root, func(p string, v reflect.Value) {
		if p == path {
			found = v
		}
	})
	return found
}

func fill(t *testing.T, path string, v reflect.Value, n *int64) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(*n)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 5)) // spare capacity: an append must not show in a snapshot
		for i := range 2 {
			fill(t, path, v.Index(i), n)
		}
	case reflect.Pointer:
		m, is := v.Interface().(proto.Message)
		if !is {
			t.Fatalf("%s: this test does not know how to fill %v", path, v.Type())
		}
		m = m.ProtoReflect().New().Interface()
		fillMessage(m, n)
		v.Set(reflect.ValueOf(m))
	default:
		t.Fatalf("%s: this test does not know how to fill %v", path, v.Type())
	}
}

// fillMessage sets the top-level fields of a message.
func fillMessage(m proto.Message, n *int64) {
	fields := m.ProtoReflect().Descriptor().Fields()
	e := reflect.ValueOf(m).Elem()
	for i := range e.NumField() {
		f := e.Field(i)
		if !e.Type().Field(i).IsExported() || fields.Len() == 0 {
			continue
		}
		*n++
		switch f.Kind() {
		case reflect.Uint32, reflect.Uint64:
			f.SetUint(uint64(*n))
		case reflect.Int32, reflect.Int64:
			f.SetInt(*n)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Pointer:
			if inner, is := f.Interface().(proto.Message); is {
				inner = inner.ProtoReflect().New().Interface()
				fillMessage(inner, n)
				f.Set(reflect.ValueOf(inner))
			}
		}
	}
}

func sameLeaf(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice {
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !sameLeaf(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	if m, is := a.Interface().(proto.Message); is {
		return proto.Equal(m, b.Interface().(proto.Message))
	}
	return a.Equal(b)
}

// Table and snapshot share arrays; appending to one must not write into the other.
func TestSnapshotSharesNoRoom(t *testing.T) {
	tb := filled(t)
	m := tb.Message()
	tb.pending = append(tb.pending, &tablepb.Pending{Hand: 99})
	tb.mixes = append(tb.mixes, &wirepb.Revealed{Hand: 99})
	tb.record.entries = append(tb.record.entries, &wirepb.ArchiveEntry{Number: 99})
	m.Pending = append(m.Pending, nil)
	m.Mixes = append(m.Mixes, nil)
	m.Entries = append(m.Entries, nil)
	if tb.pending[2].GetHand() != 99 || tb.mixes[2].GetHand() != 99 || tb.record.entries[2].GetNumber() != 99 {
		t.Error("the snapshot wrote into the table's array")
	}
	for i, s := range tb.seats {
		s.stream.append([]byte("new"), 1)
		m.Seats[i].Events = append(m.Seats[i].Events, []byte("other"))
		if string(s.stream.at(s.stream.last())) != "new" {
			t.Error("the snapshot wrote into the stream's array")
		}
	}
}
