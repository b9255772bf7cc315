package shard

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// For any waiting items: batches keep to their bounds (a single command may be larger), take as
// much as fits, keep the order and lose nothing; a function that waits behind a command is
// called only once that command has been applied.
func TestBatchesKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in inbox
		in.init(Config{Mailbox: 1000, Announce: func(uint64, bool) {}})
		in.lead(1)
		type mark struct {
			size int // -1 = a function instead of a command
			n    byte
		}
		var all, out []mark
		for i := range rapid.IntRange(1, 30).Draw(t, "items") {
			m := mark{rapid.SampledFrom([]int{-1, 1, 2, 5, 9, 40}).Draw(t, "size"), byte(i)}
			it := item{}
			if m.size < 0 {
				it.after = func(*leader) { out = append(out, m) }
			} else {
				it.command = make([]byte, m.size)
				it.command[0] = m.n
			}
			if in.put(it) != wirepb.Code_OK {
				t.Fatal("not taken")
			}
			all = append(all, m)
		}
		ownCount := rapid.IntRange(0, 2).Draw(t, "own")
		n, size := rapid.IntRange(1, 5).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "bytes")
		left := slices.Clone(all)
		for number := uint64(1); len(left) > 0; number++ {
			if number > 100 {
				t.Fatalf("stuck at %v", left)
			}
			var own []item
			if number == 1 {
				for range ownCount {
					own = append(own, item{command: []byte("own")})
				}
			}
			done := len(out)
			commands, due := in.takeBatch(number, own, n, size)
			for _, f := range due {
				f(nil)
			}
			total := 0
			for i, c := range commands {
				if i < len(own) {
					if string(c) != "own" {
						t.Fatalf("command %d is %q", i, c)
					}
					continue
				}
				total += len(c)
				out = append(out, mark{len(c), c[0]})
			}
			if len(commands) > max(n, len(own)) || total > size && len(commands) > 1 {
				t.Fatalf("a batch of %d commands and %d bytes, bounds are %d and %d", len(commands), total, n, size)
			}
			took := len(out) - done
			if !slices.Equal(out[done:], left[:took]) {
				t.Fatalf("taken %v of %v", out[done:], left)
			}
			left = left[took:]
			switch {
			case len(left) == 0:
			case left[0].size < 0:
				if len(commands) == 0 {
					t.Fatal("what nothing stands before waits")
				}
			case len(commands) < n && total+left[0].size <= size:
				t.Fatalf("%d bytes had room in a batch of %d, bounds are %d and %d", left[0].size, total, n, size)
			}
			if batch := in.claim(number); len(batch) != len(commands) || len(in.claim(number)) != 0 {
				t.Fatalf("%d items fly with %d commands", len(batch), len(commands))
			}
		}
		if !slices.Equal(out, all) {
			t.Fatalf("out %v, in %v", out, all)
		}
	})
}

// The mailbox's bound counts requests only, not functions that wait behind them.
func TestMailboxBound(t *testing.T) {
	var in inbox
	in.init(Config{Mailbox: 3, Announce: func(uint64, bool) {}})
	put := func(it item, want game.Code) {
		t.Helper()
		if got := in.put(it); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	request := item{command: []byte("x")}
	put(request, wirepb.Code_NOT_LEADER)
	in.lead(4)
	for range 3 {
		put(request, wirepb.Code_OK)
	}
	put(request, wirepb.Code_BUSY)
	put(item{after: func(*leader) {}}, wirepb.Code_OK)
	if _, waiting, busy := in.status(); busy != 1 || waiting != 4 {
		t.Errorf("%d busy, %d wait", busy, waiting)
	}
	in.takeBatch(1, nil, 2, 100)
	if _, waiting, _ := in.status(); waiting != 4 {
		t.Errorf("%d wait with two of them under way", waiting)
	}
	put(request, wirepb.Code_OK)
	put(request, wirepb.Code_BUSY)
	if unsent := in.lead(0); len(unsent) != 3 {
		t.Errorf("%d requests are handed back", len(unsent))
	}
	if _, waiting, _ := in.status(); waiting != 2 {
		t.Errorf("%d wait once the leadership is over", waiting)
	}
	put(request, wirepb.Code_NOT_LEADER)
}
