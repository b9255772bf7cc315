package game

import (
	"fmt"
	"strconv"
	"strings"
)

// PlayerID identifies a player for good. Zero is nobody.
type PlayerID uint64

// GroupID identifies a Raft group: 0 is the coordinator, shards count from 1 and are never reused.
type GroupID uint32

// Coordinator is the group that holds members, queues, bindings and placement.
const Coordinator GroupID = 0

// tableBits is the number of bits of a TableID for the table's number within its shard.
const tableBits = 40

// TableID identifies a table for good and contains the shard that runs it, so a router needs no
// look-up. Zero is no table.
type TableID uint64

// MakeTableID packs shard and seq; seq counts from 1 and fits 40 bits.
func MakeTableID(shard GroupID, seq uint64) TableID {
	return TableID(uint64(shard)<<tableBits | seq&(1<<tableBits-1))
}

// Shard is the group that runs the table.
func (t TableID) Shard() GroupID { return GroupID(uint64(t) >> tableBits) }

// Seq is the table's number within its shard.
func (t TableID) Seq() uint64 { return uint64(t) & (1<<tableBits - 1) }

// String is "shard-seq", the form that ParseTableID reads.
func (t TableID) String() string { return fmt.Sprintf("%d-%d", t.Shard(), t.Seq()) }

func ParseTableID(s string) (TableID, error) {
	a, b, ok := strings.Cut(s, "-")
	shard, err1 := strconv.ParseUint(a, 10, 64-tableBits)
	seq, err2 := strconv.ParseUint(b, 10, tableBits)
	if !ok || err1 != nil || err2 != nil || shard == 0 || seq == 0 {
		return 0, fmt.Errorf("table id %q: want SHARD-NUMBER", s)
	}
	return MakeTableID(GroupID(shard), seq), nil
}
