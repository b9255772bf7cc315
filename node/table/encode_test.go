package table

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/wire/wirepb"
)

func TestEncodedByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
		limit, reserve := rapid.Uint32().Draw(t, "limit"), rapid.SampledFrom([]uint32{0, 1, 20_000, 1 << 31}).Draw(t, "reserve")
		want := encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_Game{Game: payload}})
		if got := encodeGame(payload); !bytes.Equal(got, want) {
			t.Fatalf("game event %x, want %x", got, want)
		}
		want = encode(&wirepb.TableEvent{Body: &wirepb.TableEvent_Prompt{Prompt: &wirepb.Prompt{LimitMs: limit, ReserveMs: reserve, Game: payload}}})
		if got := encodePrompt(limit, reserve, payload); !bytes.Equal(got, want) {
			t.Fatalf("prompt %x, want %x", got, want)
		}
	})
}

// Two payloads of the same length are not the same: one seat must not get the other's.
func TestSameSlice(t *testing.T) {
	a, b := []byte("you hold 1"), []byte("you hold 2")
	for _, c := range []struct {
		a, b []byte
		want bool
	}{
		{a, a, true}, {a, b, false}, {a, []byte("you hold 1"), false}, {a, a[:3], false}, {nil, nil, true}, {a[:0], b[:0], true}, {nil, a, false},
	} {
		if sameSlice(c.a, c.b) != c.want {
			t.Errorf("%q, %q: same %t", c.a, c.b, !c.want)
		}
	}
}
