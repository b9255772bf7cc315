package logs

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"

	"teahouse/bench/audit"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
)

// Move is a move that a client knows to be accepted. The player identifies the seat.
type Move struct {
	Table  game.TableID  `json:"table"`
	Player game.PlayerID `json:"player"`
	Number uint64        `json:"number"`
	Prompt uint64        `json:"prompt"`
	Hash   uint64        `json:"hash"` // of its payload, by audit.HashMove
}

func (m Move) String() string {
	return fmt.Sprintf("table %v player %d: move %d, on prompt %d", m.Table, m.Player, m.Number, m.Prompt)
}

func (m Move) compare(o Move) int {
	return cmp.Or(cmp.Compare(m.Table, o.Table), cmp.Compare(m.Player, o.Player), cmp.Compare(m.Number, o.Number))
}

// Ledger records acknowledged moves, one line of JSON each. Its methods may be called from any
// goroutine.
type Ledger struct {
	mu  sync.Mutex
	buf *bufio.Writer
	err error
}

// NewLedger writes to w.
func NewLedger(w io.Writer) *Ledger { return &Ledger{buf: bufio.NewWriter(w)} }

// Acknowledged records one move.
func (l *Ledger) Acknowledged(table game.TableID, player game.PlayerID, m audit.Move) {
	line, err := json.Marshal(Move{Table: table, Player: player, Number: m.Number, Prompt: m.Prompt, Hash: m.Hash})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.buf.Write(append(line, '\n'))
	}
	l.err = errors.Join(l.err, err)
}

// Flush writes buffered moves; the error is that of any earlier write.
func (l *Ledger) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.buf.Flush())
}

// ReadMoves reads what a Ledger has written.
func ReadMoves(r io.Reader) (moves []Move, err error) {
	for d := json.NewDecoder(r); ; {
		var m Move
		switch err := d.Decode(&m); {
		case errors.Is(err, io.EOF):
			return moves, nil
		case err != nil:
			return nil, fmt.Errorf("logs: move %d: %w", len(moves)+1, err)
		}
		moves = append(moves, m)
	}
}

// book finds acknowledged moves in entries.
type book struct {
	total  int
	wanted map[Move]bool // not found yet; true = in an entry that a minority holds
}

func newBook(moves []Move) *book {
	b := &book{wanted: make(map[Move]bool, len(moves))}
	for _, m := range moves {
		b.wanted[m] = false
	}
	b.total = len(b.wanted)
	return b
}

// entry searches an entry of a shard.
func (b *book) entry(data []byte, majority bool) error {
	var batch tablepb.Batch
	if err := proto.Unmarshal(data, &batch); err != nil {
		return errors.New("no batch of commands")
	}
	for _, raw := range batch.GetCommands() {
		var c tablepb.Command
		if proto.Unmarshal(raw, &c) != nil {
			return errors.New("a command is malformed")
		}
		m := c.GetMove()
		if m == nil {
			continue
		}
		move := Move{
			Table: game.TableID(c.GetTable()), Player: game.PlayerID(m.GetPlayer()),
			Number: m.GetNumber(), Prompt: m.GetPrompt(), Hash: audit.HashMove(m.GetMove()),
		}
		switch _, wanted := b.wanted[move]; {
		case !wanted:
		case majority:
			delete(b.wanted, move)
		default:
			b.wanted[move] = true
		}
	}
	return nil
}

// verdict covers the moves that were not found; whole are the groups of which some replica has the
// log from the beginning.
func (b *book) verdict(whole map[raftgroup.GroupID]bool, note func(string, ...any)) Moves {
	v := Moves{Acknowledged: b.total, Found: b.total - len(b.wanted)}
	for _, m := range sortedKeys(b.wanted) {
		_, known := whole[raftgroup.GroupID(m.Table.Shard())]
		switch {
		case b.wanted[m]:
			v.Missing++
			note("%v: only a minority of the replicas has it", m)
		case known && !whole[raftgroup.GroupID(m.Table.Shard())]:
			v.Unseen++
		default:
			v.Missing++
			note("%v: it is in no log", m)
		}
	}
	return v
}
