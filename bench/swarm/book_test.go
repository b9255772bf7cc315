package swarm

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"teahouse/bench/audit"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// The node packages bring a pool that starts with the process.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// nothing is a database without results that notes what it is asked for.
type nothing struct {
	mu    sync.Mutex
	asked []game.TableID
	some  chan game.TableID
	err   error
}

func (n *nothing) take(_ context.Context, table game.TableID, _ game.PlayerID) (map[uint32]audit.Hand, error) {
	n.mu.Lock()
	n.asked = append(n.asked, table)
	n.mu.Unlock()
	if n.some != nil {
		n.some <- table
	}
	return nil, n.err
}

// played is a seat that has received some bytes.
func played(bytes int) *audit.Seat {
	s := &audit.Seat{Player: 1}
	s.Stream.Event(1, make([]byte, bytes), time.Time{})
	return s
}

func TestBookWaitsForTheEnd(t *testing.T) {
	db := &nothing{}
	b := newBook(db, 1<<20)
	done := b.start(t.Context(), 2)
	for table := range game.TableID(3) {
		for range 4 {
			b.left(table+1, played(10), 4)
		}
	}
	b.left(9, played(10), 4) // the others never left
	db.mu.Lock()
	if len(db.asked) > 0 {
		t.Error("audited while it played")
	}
	db.mu.Unlock()
	b.finish()
	b.finish()
	done.Wait()
	if len(db.asked) != 4 || b.size != 0 || len(b.open) != 0 {
		t.Errorf("audited %v, %d bytes left", db.asked, b.size)
	}
	if b.result.HandsUnfinished != 4 {
		t.Errorf("%+v", b.result)
	}
}

// Beyond the bound the oldest tables are audited at once, and players pause when
// that is not enough.
func TestBookIsBounded(t *testing.T) {
	db := &nothing{some: make(chan game.TableID)}
	b := newBook(db, 2000)
	b.left(1, played(1000), 1)
	b.left(2, played(1000), 1)
	b.left(3, played(1000), 1)
	b.left(4, played(2000), 1)
	if !b.full() {
		t.Error("twice the bound, and players may go on")
	}
	done := b.start(t.Context(), 1)
	for _, want := range []game.TableID{1, 2, 3} {
		if got := <-db.some; got != want {
			t.Errorf("audited table %v before %v", got, want)
		}
	}
	b.finish()
	<-db.some
	done.Wait()
	if b.full() || b.size != 0 {
		t.Errorf("%d bytes left", b.size)
	}
}

func TestBookEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := newBook(&nothing{}, 1<<20)
	done := b.start(ctx, 2)
	cancel()
	done.Wait()
}

func TestBookKeepsTheError(t *testing.T) {
	broken := errors.New("broken")
	b := newBook(&nothing{err: broken}, 1<<20)
	b.left(1, played(1), 1)
	b.finish()
	b.start(t.Context(), 1).Wait()
	if !errors.Is(b.err, broken) {
		t.Errorf("%v", b.err)
	}
}

// What archive.hand gave a player must be what the database has.
func TestSampleIsCompared(t *testing.T) {
	for given, want := range map[string]int{"": 1, "something": 2} {
		b := newBook(&nothing{}, 1<<20)
		b.sample(1, 1, []byte(given))
		b.left(1, played(1), 1)
		b.finish()
		b.start(t.Context(), 1).Wait()
		// The one event of played is no message, which counts too.
		if got := b.result.EventsWrong; got != want {
			t.Errorf("%q: %d events wrong: %q", given, got, b.result.Notes)
		}
	}
}

func TestSeatNotesItsTableOnly(t *testing.T) {
	s := &seat{table: 5}
	s.note(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: 5, Number: 1, Payload: []byte("a")}, time.Time{})
	size := s.Stream.Size()
	s.note(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: 6, Number: 2, Payload: make([]byte, 1000)}, time.Time{})
	s.note(&wirepb.Push{Kind: wirepb.Push_NOTICE, Table: 5, Payload: make([]byte, 1000)}, time.Time{})
	if s.Stream.Size() != size {
		t.Error("it noted what is not its own")
	}
	s.note(&wirepb.Push{Kind: wirepb.Push_EVENT, Table: 5, Number: 2, Payload: make([]byte, 1000)}, time.Time{})
	if s.Stream.Size() <= size {
		t.Error("it did not note its own")
	}
}
