package fair

import (
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

// Values that anybody may have stored must stay valid forever.
func TestGolden(t *testing.T) {
	var seed [SeedLen]byte
	for i := range seed {
		seed[i] = byte(i)
	}
	c := Commitment(seed, 1<<40|7, 3)
	m := Mix(seed, [][]byte{{1, 2, 3}, nil, []byte("nonce"), {0xff}})
	if got, want := hex.EncodeToString(c[:]), "211b2e9af83e597a665a5594b8a27f2f8e642bd8759c94204eb78597a7026596"; got != want {
		t.Errorf("commitment %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(m[:]), "e586939a18d79149771428cdd8c4a8fd33f531be412cdc251779134efdb166f9"; got != want {
		t.Errorf("mixed %s, want %s", got, want)
	}
}

func TestCommitmentBindsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := [SeedLen]byte(rapid.SliceOfN(rapid.Byte(), SeedLen, SeedLen).Draw(t, "seed"))
		table, hand := rapid.Uint64().Draw(t, "table"), rapid.Uint32().Draw(t, "hand")
		c := Commitment(seed, table, hand)
		if !Check(c[:], seed, table, hand) {
			t.Fatal("its own commitment does not match")
		}
		other := seed
		other[rapid.IntRange(0, SeedLen-1).Draw(t, "byte")] ^= 1
		if Check(c[:], other, table, hand) || Check(c[:], seed, table+1, hand) || Check(c[:], seed, table, hand+1) || Check(c[:31], seed, table, hand) {
			t.Fatal("a commitment also fits other inputs")
		}
	})
}

func TestMixDependsOnEveryNonce(t *testing.T) {
	var seed [SeedLen]byte
	seen := make(map[[SeedLen]byte]int)
	for i, nonces := range [][][]byte{
		{nil, nil}, {{0}, nil}, {nil, {0}}, {{1}, {0}}, {{1, 0}, nil}, {{1, 0}}, {{1}, {0}, nil}, {[]byte("ab"), []byte("c")}, {[]byte("a"), []byte("bc")},
	} {
		m := Mix(seed, nonces)
		if j, twice := seen[m]; twice {
			t.Errorf("nonces %d and %d mix to the same", j, i)
		}
		seen[m] = i
	}
	if Mix(seed, nil) == Mix([SeedLen]byte{1}, nil) {
		t.Error("the seed has no effect")
	}
}
