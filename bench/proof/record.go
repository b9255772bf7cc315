// Package proof checks, from what one seat was told, that a hand was dealt as the table had
// committed to: the seed fits the commitment, the seat's own nonce is included, and the resulting
// wall holds the tiles that the seat was given.
//
//	w := proof.NewWitness(table, seat)
//	w.Told(event) // each event of the stream
//	for _, r := range w.Records() { problems := r.Check() }
//
// Check trusts nothing but the record: it needs no cluster. A record cannot show when the
// commitment came; the witness accepts only those that came before the deal in the stream. Only
// bench imports it.
package proof

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"teahouse/pkg/fair"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/mahjong/tablegame"
)

// Hex is bytes that are hexadecimal digits in JSON.
type Hex []byte

// MarshalText writes digits.
func (h Hex) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// UnmarshalText reads digits.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// Record is what one seat was told of one hand, a JSON object.
type Record struct {
	Version    int             `json:"version"` // 2
	Table      uint64          `json:"table"`
	Hand       uint32          `json:"hand"`
	Seat       int             `json:"seat"`
	Game       string          `json:"game"`
	Rules      json.RawMessage `json:"rules"`
	Players    []uint64        `json:"players"`    // by seat; 0 = a bot
	Commitment Hex             `json:"commitment"` // told before the deal
	Nonce      Hex             `json:"nonce"`      // acknowledged before the deal; empty = none

	Dealer int `json:"dealer"` // as told at the deal

	// Revealed after the round.
	Seed   Hex   `json:"seed"`
	Nonces []Hex `json:"nonces"` // by seat

	// Seen during a hand of mahjong.
	Dealt     []int  `json:"dealt,omitempty"`     // tiles of this seat: kinds, 0..26
	Direction int    `json:"direction,omitempty"` // of the swap; 0 = none
	Draws     []Draw `json:"draws,omitempty"`     // of all seats, in order
}

// Draw is one draw from the wall.
type Draw struct {
	Seat int  `json:"seat"`
	Tile *int `json:"tile"` // its kind; null for another seat's
}

// version of a Record. Version 1 had none written, and tile ids where there are kinds now.
const version = 2

// firstDraw is the position in the wall after the deal.
const firstDraw = 13*mahjong.Seats + 1

// Check lists what does not fit; nothing = the hand was fair. The wall is that of a hand of
// mahjong, else nil.
func (r *Record) Check() (wall []mahjong.Tile, problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if r.Version != version {
		wrong("a record of version %d, and this program reads version %d", r.Version, version)
		return nil, problems
	}
	if len(r.Seed) != fair.SeedLen {
		wrong("the revealed seed has %d bytes, want %d", len(r.Seed), fair.SeedLen)
		return nil, problems
	}
	seed := [fair.SeedLen]byte(r.Seed)
	if !fair.Check(r.Commitment, seed, r.Table, r.Hand) {
		wrong("the revealed seed is not the one that was committed to")
	}
	// With a nonce from nobody, the table could choose the wall once it knows the others'.
	if len(r.Nonces) != len(r.Players) {
		wrong("%d nonces of %d seats", len(r.Nonces), len(r.Players))
	}
	var nonces [][]byte
	for seat, n := range r.Nonces {
		if seat < len(r.Players) && r.Players[seat] == 0 && len(n) > 0 {
			wrong("seat %d is made of code and has a nonce", seat)
		}
		if len(n) > fair.MaxNonce {
			wrong("the nonce of seat %d has %d bytes, at most %d", seat, len(n), fair.MaxNonce)
		}
		nonces = append(nonces, n)
	}
	if r.Seat < 0 || r.Seat >= len(nonces) || string(nonces[r.Seat]) != string(r.Nonce) {
		wrong("the deal was not mixed with the nonce of seat %d", r.Seat)
	}
	if r.Game == tablegame.Name && len(problems) == 0 {
		wall, problems = r.checkWall(fair.Mix(seed, nonces))
	}
	return wall, problems
}

// checkWall compares the wall with the tiles of it that the seat has seen.
func (r *Record) checkWall(seed [fair.SeedLen]byte) (wall []mahjong.Tile, problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	rules, err := mahjong.ParseRules(r.Rules)
	if err != nil {
		wrong("rules: %v", err)
		return nil, problems
	}
	deal := mahjong.DealFromSeed(seed, r.Dealer)
	hand, err := mahjong.New(rules, deal)
	if err != nil {
		wrong("deal: %v", err)
		return nil, problems
	}
	if want := hand.Opening().Shown.Hands[r.Seat]; !equal(want, r.Dealt) {
		wrong("seat %d was dealt %v, but the wall gives it other tiles (ids %v)", r.Seat, r.Dealt, want)
	}
	if r.Direction != 0 && rules.SwapDir == 0 && r.Direction != deal.SwapDir {
		wrong("swapped in direction %d, but the seed gives %d", r.Direction, deal.SwapDir)
	}
	for i, d := range r.Draws {
		at := firstDraw + i
		if at >= len(deal.Wall) {
			wrong("%d draws from a wall of %d", len(r.Draws), len(deal.Wall)-firstDraw)
			break
		}
		if d.Tile != nil && int(deal.Wall[at].Kind()) != *d.Tile {
			wrong("draw %d was tile %d, but the wall has %d there", i+1, *d.Tile, deal.Wall[at].Kind())
		}
	}
	return deal.Wall[:], problems
}

// equal compares two hands regardless of order.
func equal(a []mahjong.Tile, b []int) bool {
	var count [mahjong.NumKinds]int
	for _, t := range a {
		count[t.Kind()]++
	}
	for _, t := range b {
		if t < 0 || t >= len(count) {
			return false
		}
		count[t]--
	}
	return count == [mahjong.NumKinds]int{}
}
