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

// secret reports whether others must not learn who is asked this.
func secret(k mahjong.PromptKind) bool { return k == mahjong.PromptClaim || k == mahjong.PromptRob }

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
		limits = append(limits, game.Limit{Question: k.String(), Limit: g.cfg.limit(k), Secret: secret(k)})
	}
	return limits
}
func (*sichuan) Seats() int { return mahjong.Seats }

// Version counts what a binary must know:
//
//	2  the option gang_ready
//	3  seats are told kinds of tiles instead of ids, and prompts without the view
//	4  the options transfer_all, menqing_zimo and jiangqidui
//	5  prompts with previews
//
// An option that is off leaves no trace in what is written, so a table of an earlier version can have
// replicas that do not know it.
func (*sichuan) Version() uint32 { return 5 }

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
	for seat, total := range s.Totals {
		if seat < mahjong.Seats {
			rules.Balances[seat] = max(0, rules.Balances[seat]+int(total))
		}
	}
	played, err := mahjong.New(rules, mahjong.DealFromSeed(s.Seed, s.Dealer))
	if err != nil {
		return nil, fmt.Errorf("tablegame: %w", err)
	}
	if g.cfg.Observe != nil {
		g.cfg.Observe(played.Opening())
	}
	return g.wrap(played), nil
}

func (g *sichuan) Restore(snapshot []byte) (game.Hand, error) {
	played := new(mahjong.Hand)
	if err := played.UnmarshalBinary(snapshot); err != nil {
		return nil, fmt.Errorf("tablegame: %w", err)
	}
	return g.wrap(played), nil
}

func (g *sichuan) wrap(played *mahjong.Hand) *hand { return &hand{cfg: &g.cfg, played: played} }
