package tablegame

import (
	"sync"

	"teahouse/pkg/bot"
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// maxPlayers bounds the players that are kept, of 128 kB each. A node meets a handful of
// rule sets; a player for one more is made for the one move.
const maxPlayers = 48

// players keeps a player for each strength and rule set. Which ones it keeps changes no
// move. The zero value is empty.
type players struct {
	mu   sync.RWMutex
	kept map[playerKey]*bot.Player
}

type playerKey struct {
	strength game.Strength
	rules    string // as prompts have them
}

func (p *players) of(strength game.Strength, rules string) (*bot.Player, error) {
	key := playerKey{strength, rules}
	p.mu.RLock()
	player := p.kept[key]
	p.mu.RUnlock()
	if player != nil {
		return player, nil
	}
	parsed, err := mahjong.ParseRules([]byte(rules))
	if err != nil {
		return nil, err
	}
	player = bot.New(strength, parsed)
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
