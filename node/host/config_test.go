package host

import (
	"testing"

	"teahouse/node/shard"
	"teahouse/pkg/game"
)

func TestBotsSettings(t *testing.T) {
	c := Config{Name: "n", Registry: "r", Database: "d", Data: "f", SecretFile: "s", TokenKeyFile: "k"}
	got, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if q, err := got.tables(); err != nil || q != shard.People() {
		t.Errorf("without a word the tables of people are %+v, %v", q, err)
	}
	c.BotStrength, c.BotPace = "weak", "none"
	if got, err = c.withDefaults(); err != nil {
		t.Fatal(err)
	}
	if q, err := got.tables(); err != nil || q.Bots != game.Weak || q.Pace != shard.PaceNone {
		t.Errorf("weak bots without a pace are %+v, %v", q, err)
	}
	for _, bad := range []Config{{BotStrength: "clever"}, {BotPace: "slow"}} {
		c.BotStrength, c.BotPace = bad.BotStrength, bad.BotPace
		if _, err := c.withDefaults(); err == nil {
			t.Errorf("strength %q and pace %q are fine", bad.BotStrength, bad.BotPace)
		}
	}
}
