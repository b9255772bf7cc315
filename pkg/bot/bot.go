// Package bot holds the bots for Sichuan mahjong.
//
//	p := bot.New(game.Strong, rules)
//	view := hand.View(seat)
//	command := p.Choose(&view)
//
// There are three strengths. The weak one keeps tiles that fit together and takes whatever it is
// offered. The middle one goes for the nearest win by the widest way. The strong one estimates the
// expected gain of each answer: how far the hand is from each form that it may take, which tiles
// for it are still to come and from where, what the rule set pays for it, what a discard may cost,
// and whether a win is worth more than waiting for a better one. All of them give up the suit that
// fits together least.
//
// A bot decides from a View, including its prompt, and nothing else, so it knows no more than its
// seat may see. It draws no random numbers, has no clock and waits for nothing: the same view gets
// the same answer. Thinking time is up to the caller. Random is the baseline to measure against:
// legal, and nothing more.
package bot

import (
	"teahouse/pkg/game"
	"teahouse/pkg/mahjong"
)

// Player plays by one rule set at one strength. It caches how tiles group, since the same few suits
// come up again and again: about 128 kB, which never change an answer. Players are safe for
// concurrent use, and one serves any number of seats.
type Player struct {
	style style
	memo  memo
}

// style is how a strength answers prompts. The view has the prompt open.
type style interface {
	swap(view *mahjong.View) [3]mahjong.Tile
	void(view *mahjong.View) mahjong.Suit
	turn(view *mahjong.View, c *mahjong.Command) // sets c's action
	claim(view *mahjong.View) mahjong.Action     // for a discard or a bu-gang
}

// New makes a player. An invalid strength plays as game.Middle.
func New(strength game.Strength, rules mahjong.Rules) *Player {
	p := new(Player)
	switch strength {
	case game.Weak:
		p.style = weak{}
	case game.Strong:
		p.style = newStrong(rules, &p.memo)
	default:
		p.style = &middle{&p.memo}
	}
	return p
}

// Choose answers the open prompt of view. Without one it returns the zero Command. Legal answers
// come from the prompt alone; the view must be one from Hand.View.
func (p *Player) Choose(view *mahjong.View) mahjong.Command {
	c := mahjong.Command{Seat: view.Seat}
	switch view.Prompt.Kind {
	case mahjong.PromptSwap:
		c.Action, c.Tiles = mahjong.ActSwap, p.style.swap(view)
	case mahjong.PromptVoid:
		c.Action, c.Suit = mahjong.ActVoid, p.style.void(view)
	case mahjong.PromptTurn:
		p.style.turn(view, &c)
	case mahjong.PromptClaim, mahjong.PromptRob:
		c.Action = p.style.claim(view)
	default:
		return mahjong.Command{}
	}
	return c
}
