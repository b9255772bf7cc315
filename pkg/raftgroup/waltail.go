package raftgroup

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Pebble treats the first unreadable record of its newest write-ahead log as the torn end of the log,
// unless a later block proves otherwise, and drops everything after it. Within the last block, that
// could include records that were synced and acknowledged. checkTail detects this case: an intact
// record after a damaged one.
//
// The format: blocks of 32 KiB hold chunks; a chunk does not cross a block and is
// crc(4, masked CRC-32C of what follows the length) length(2) type(1)
// log number(4) synced offset(8) payload, little endian.
const (
	walBlock     = 32 << 10
	walHead      = 19
	walTypeFirst = 9 // the four types of this format
	walTypeLast  = 12
)

// checkTail checks the newest write-ahead log in dir. It must be called before Pebble opens the log.
func checkTail(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	var newest string
	var number uint64
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".log"), "-")
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n >= number {
			newest, number = name, n
		}
	}
	if newest == "" {
		return nil
	}
	b, err := os.ReadFile(newest)
	if err != nil {
		return err
	}
	if at, after, bad := damagedChunk(b, uint32(number)); bad {
		return fmt.Errorf("%w: %s is unreadable at %d, but intact at %d", errDamaged, filepath.Base(newest), at, after)
	}
	return nil
}

// damagedChunk returns the first offset at which there is no intact chunk, and the offset of an intact chunk
// after it. bad is false if there is none.
func damagedChunk(b []byte, number uint32) (at, after int, bad bool) {
	for {
		if walBlock-at%walBlock < walHead {
			at += walBlock - at%walBlock // the rest of a block that holds no chunk
		}
		n := chunkAt(b, at, number)
		if n == 0 {
			break
		}
		at += n
	}
	for after = at + 1; after < len(b); after++ {
		if chunkAt(b, after, number) != 0 {
			return at, after, true
		}
	}
	return 0, 0, false
}

// chunkAt returns the size of the intact chunk at an offset, or 0.
func chunkAt(b []byte, at int, number uint32) int {
	end := min(len(b), (at/walBlock+1)*walBlock)
	if at+walHead > end {
		return 0
	}
	c := b[at:end]
	size := walHead + int(binary.LittleEndian.Uint16(c[4:]))
	if c[6] < walTypeFirst || c[6] > walTypeLast || binary.LittleEndian.Uint32(c[7:]) != number || size > len(c) {
		return 0
	}
	sum := crc32.Checksum(c[6:size], crc32.MakeTable(crc32.Castagnoli))
	if binary.LittleEndian.Uint32(c) != (sum>>15|sum<<17)+0xa282ead8 {
		return 0
	}
	return size
}
