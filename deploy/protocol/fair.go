package main

import (
	"teahouse/pkg/fair"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/wire/vectors"
)

// fairHands makes fair.json.
func fairHands() *vectors.Fair {
	out := &vectors.Fair{}
	for i, nonces := range [][][]byte{
		{nil, nil, nil, nil},
		{{1, 2, 3}, nil, []byte("nonce"), {0xff}},
		{nil, nil, make([]byte, fair.MaxNonce), nil},
	} {
		h := vectors.FairHand{Table: exampleTable, Hand: uint32(i + 1)}
		var seed [fair.SeedLen]byte
		for j := range seed {
			seed[j] = byte(i*fair.SeedLen + j)
		}
		commitment, mixed := fair.Commitment(seed, h.Table, h.Hand), fair.Mix(seed, nonces)
		h.Seed, h.Commitment, h.Mixed = seed[:], commitment[:], mixed[:]
		for _, n := range nonces {
			h.Nonces = append(h.Nonces, n)
		}
		deal := mahjong.DealFromSeed(mixed, 0)
		for _, t := range deal.Wall {
			h.Wall = append(h.Wall, int(t))
		}
		h.Direction = deal.SwapDir
		out.Hands = append(out.Hands, h)
	}
	return out
}
