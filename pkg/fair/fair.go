// Package fair is the arithmetic with which anybody can check that a deal was fixed before the
// players could influence it, and that they did influence it:
//
//	commitment := fair.Commitment(seed, table, hand) // published before the deal
//	deal := fair.Mix(seed, nonces)                   // what the wall is shuffled from
//	ok := fair.Check(commitment, seed, table, hand)  // once the seed is revealed
//
// A table commits to a hand's seed, the seats may send a nonce each, the deal comes from both, and
// after the round the seeds are revealed. A table that knew the nonces before it committed could
// choose the wall; the order of the events in a seat's stream shows that it did not.
//
// It is pure. The node's table and the tools that check it import it. It does not protect against
// whoever can read a node's memory or disk: they know the walls of the hands played there. And a
// table that is in league with one seat may try nonces for it until it likes the wall: each seat
// can check only its own nonce, and that all nonces are the seats'.
package fair

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

// SeedLen and MaxNonce are lengths in bytes.
const (
	SeedLen  = 32
	MaxNonce = 32
)

// Commitment is SHA-256 over the seed, the table's id (8 bytes, big-endian) and the hand's number
// (4 bytes, big-endian).
func Commitment(seed [SeedLen]byte, table uint64, hand uint32) [sha256.Size]byte {
	b := append(make([]byte, 0, SeedLen+12), seed[:]...)
	b = binary.BigEndian.AppendUint64(b, table)
	return sha256.Sum256(binary.BigEndian.AppendUint32(b, hand))
}

// Check reports whether commitment is that of the revealed seed.
func Check(commitment []byte, seed [SeedLen]byte, table uint64, hand uint32) bool {
	want := Commitment(seed, table, hand)
	return subtle.ConstantTimeCompare(want[:], commitment) == 1
}

// Mix is HMAC-SHA256 with the seed as key over the nonces of all seats in order, each preceded by
// its length in one byte; a seat that sent none counts as an empty one. Nonces are MaxNonce long at
// most.
func Mix(seed [SeedLen]byte, nonces [][]byte) [SeedLen]byte {
	mac := hmac.New(sha256.New, seed[:])
	for _, n := range nonces {
		mac.Write([]byte{byte(len(n))})
		mac.Write(n)
	}
	return [SeedLen]byte(mac.Sum(nil))
}
