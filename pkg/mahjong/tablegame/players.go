package tablegame

import (
	"encoding/json"
	"sync"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// maxPlayers bounds the cached players, of 128 kB each. A node meets a handful of rule sets; for
// any more, a player is made for the one move.
const maxPlayers = 48

// players caches a player for each strength and rule set. What is cached changes no move. The zero
// value is empty.
type players struct {
	mu   sync.RWMutex
	kept map[playerKey]*bot.Player
}

type playerKey struct {
	strength game.Strength
	rules    string // as a table has them
}

func (p *players) of(strength game.Strength, rules string) (*bot.Player, error) {
	key := playerKey{strength, rules}
	if player := p.get(key); player != nil {
		return player, nil
	}
	parsed, err := mahjong.ParseRules([]byte(rules))
	if err != nil {
		return nil, err
	}
	if parsed.Balances != ([mahjong.Seats]int{}) {
		// They may differ from table to table, and no player uses them.
		parsed.Balances = [mahjong.Seats]int{}
		text, err := json.Marshal(parsed)
		if err != nil {
			return nil, err
		}
		key.rules = string(text)
		if player := p.get(key); player != nil {
			return player, nil
		}
	}
	player := bot.New(strength, parsed)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = make(map[playerKey]*bot.Player)
	}
	if len(p.kept) < maxPlayers {
		p.kept[key] = player
	}
	return player, nil
}

func (p *players) get(key playerKey) *bot.Player {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.kept[key]
}
