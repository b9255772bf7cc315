package tablegame

import (
	"fmt"
	"testing"

	"teahouse/pkg/game"
)

// Coins differ from hand to hand; they must not each get a player of their own.
func TestPlayersAreKept(t *testing.T) {
	var p players
	for _, rules := range []string{``, `{"cap":5}`, `{"bankrupt":"clip","balances":[%d,20,30,40]}`} {
		first, err := p.of(game.Strong, fill(rules, 1))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 * maxPlayers {
			again, err := p.of(game.Strong, fill(rules, i))
			if err != nil || again != first {
				t.Fatalf("%s: another player, %v", rules, err)
			}
		}
	}
	if len(p.kept) != 3 {
		t.Errorf("%d players are kept", len(p.kept))
	}
	for i := range 2 * maxPlayers {
		if _, err := p.of(game.Weak, fmt.Sprintf(`{"base":%d}`, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.kept) != maxPlayers {
		t.Errorf("%d players are kept, want %d at most", len(p.kept), maxPlayers)
	}
}

func fill(rules string, coins int) string {
	if rules == `` || rules == `{"cap":5}` {
		return rules
	}
	return fmt.Sprintf(rules, coins)
}
