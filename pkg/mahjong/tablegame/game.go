package tablegame

import (
	"encoding/json"
	"fmt"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
	"teahouse/pkg/wire/wirepb"
)

// Name is the game's id on the wire and in stored hands.
const Name = "mahjong"

// Config is what the rules of the game leave open. All replicas of a table and all tools that
// replay its hands must use the same limits.
type Config struct {
	// The time to answer a prompt: defaults 15 s, 10 s, 15 s and 8 s. Claim is for discards and
	// bu-gangs.
	Swap, Void, Turn, Claim time.Duration
	// Forced is how long the drawn tile of a locked hand is shown if it can only be discarded:
	// default 700 ms. The seat is not asked.
	Forced time.Duration

	// Observe, if not nil, gets every event before it is projected, with all hidden tiles: only for
	// audits of replayed hands. A Game with it is not safe for concurrent use.
	Observe func(mahjong.Event)
}

func (c Config) withDefaults() (Config, error) {
	for _, v := range []struct {
		name  string
		limit *time.Duration
		value time.Duration
	}{
		{"Swap", &c.Swap, 15 * time.Second},
		{"Void", &c.Void, 10 * time.Second},
		{"Turn", &c.Turn, 15 * time.Second},
		{"Claim", &c.Claim, 8 * time.Second},
		{"Forced", &c.Forced, 700 * time.Millisecond},
	} {
		if *v.limit < 0 {
			return c, fmt.Errorf("tablegame: %s is below zero", v.name)
		}
		if *v.limit == 0 {
			*v.limit = v.value
		}
	}
	return c, nil
}

// limit is the time to answer a prompt of kind k.
func (c *Config) limit(k mahjong.PromptKind) time.Duration {
	switch k {
	case mahjong.PromptSwap:
		return c.Swap
	case mahjong.PromptVoid:
		return c.Void
	case mahjong.PromptTurn:
		return c.Turn
	}
	return c.Claim
}

// secret reports whether others must not learn who is asked this: whoever can claim a tile, and, from version 6 on, whoever has a choice
// where a hand is locked, since the others then see what it could do with a tile that they do not see.
func secret(p *mahjong.Prompt, version uint32) bool {
	return p.Kind == mahjong.PromptClaim || p.Kind == mahjong.PromptRob || p.Locked && version >= 6
}

// sichuan implements game.Game.
type sichuan struct {
	cfg     Config
	players players
}

func New(cfg Config) (game.Game, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &sichuan{cfg: cfg}, nil
}

func (*sichuan) Name() string { return Name }

// Limits implements game.Game.
func (g *sichuan) Limits() []game.Limit {
	var limits []game.Limit
	for _, k := range []mahjong.PromptKind{
		mahjong.PromptSwap, mahjong.PromptVoid, mahjong.PromptTurn, mahjong.PromptClaim, mahjong.PromptRob,
	} {
		limits = append(limits, game.Limit{Question: k.String(), Limit: g.cfg.limit(k), Secret: secret(&mahjong.Prompt{Kind: k}, newest)})
	}
	return append(limits, game.Limit{Question: "locked turn", Limit: g.cfg.Turn, Secret: true})
}

func (*sichuan) Seats() int { return mahjong.Seats }

// newest is what Version returns: see there.
const newest = 6

// Version counts what a binary must know:
//
//	2  the option gang_ready
//	3  seats are told kinds of tiles instead of ids, and prompts without the view
//	4  the options transfer_all, menqing_zimo and jiangqidui
//	5  prompts with previews
//	6  who has a choice where a hand is locked is asked in secret; a balance that totals lift above its bound is cut,
//	   instead of no deal
//
// An option that is off leaves no trace in what is written, so a table of an earlier version can have
// replicas that do not know it.
func (*sichuan) Version() uint32 { return newest }

func (*sichuan) Rules(overrides []byte) ([]byte, error) {
	rules, err := mahjong.ParseRules(overrides)
	if err != nil {
		return nil, game.Errorf(wirepb.Code_RULES_INVALID, "%v", err)
	}
	return json.Marshal(rules)
}

func (g *sichuan) Deal(s game.Setup) (game.Hand, error) {
	rules, err := mahjong.ParseRules(s.Rules)
	if err != nil {
		return nil, game.Errorf(wirepb.Code_RULES_INVALID, "%v", err)
	}
	if s.Version > newest {
		return nil, fmt.Errorf("tablegame: version %d, this binary knows up to %d", s.Version, newest)
	}
	for seat, total := range s.Totals {
		if seat < mahjong.Seats {
			rules.Balances[seat] = max(0, rules.Balances[seat]+int(total))
			if s.Version >= 6 {
				rules.Balances[seat] = min(rules.Balances[seat], mahjong.MaxBalance)
			}
		}
	}
	played, err := mahjong.New(rules, mahjong.DealFromSeed(s.Seed, s.Dealer))
	if err != nil {
		return nil, fmt.Errorf("tablegame: %w", err)
	}
	if g.cfg.Observe != nil {
		g.cfg.Observe(played.Opening())
	}
	return g.wrap(played, s.Version), nil
}

// marked is what the first byte of a snapshot adds to the version that is played. Before version 6 there was no such byte, and
// the engine's own begin with a low number.
const marked = 0x80

func (g *sichuan) Restore(snapshot []byte) (game.Hand, error) {
	var version uint32
	if len(snapshot) > 0 && snapshot[0] >= marked {
		if version, snapshot = uint32(snapshot[0]-marked), snapshot[1:]; version < 6 || version > newest {
			return nil, fmt.Errorf("tablegame: version %d, this binary knows up to %d", version, newest)
		}
	}
	played := new(mahjong.Hand)
	if err := played.UnmarshalBinary(snapshot); err != nil {
		return nil, fmt.Errorf("tablegame: %w", err)
	}
	return g.wrap(played, version), nil
}

func (g *sichuan) wrap(played *mahjong.Hand, version uint32) *hand {
	return &hand{cfg: &g.cfg, played: played, version: version}
}
