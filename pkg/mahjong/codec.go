package mahjong

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrCorrupt is wrapped by every error of UnmarshalBinary.
var ErrCorrupt = errors.New("mahjong: not an encoded hand")

// The versions cover the layout and the engine's behaviour: what is stored is the way to the
// state, so an engine that plays a command differently needs new ones.
const (
	// codecVersion is that of hands whose later options all have their defaults: builds that do
	// not know these options play the hand alike.
	codecVersion = 2
	// codecLater is that of all other hands.
	codecLater = 3
)

// MarshalBinary encodes the hand: rules, deal and the commands so far, a few hundred
// bytes. It contains the wall, so it must stay where the wall may be known.
//
// Layout: version, one value per option (flags and the index of a named value one byte,
// numbers four, balances eight each), in version 3 the number of later options and their values up
// to the last one that is not the default, dealer, swap direction, 108 tiles, then the commands, each one byte
// (action<<2 | seat) and its tiles, kind or suit. All numbers are big-endian.
func (h *Hand) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 1+96+2+NumTiles+len(h.log))
	options := h.rules.options()
	if later := written(options[firstOptions:]); len(later) == 0 {
		b = append(b, codecVersion)
		b = appendOptions(b, options[:firstOptions])
	} else {
		b = append(b, codecLater)
		b = appendOptions(b, options[:firstOptions])
		b = append(b, byte(len(later)))
		b = appendOptions(b, later)
	}
	b = append(b, byte(h.deal.Dealer), byte(h.deal.SwapDir))
	for _, t := range h.deal.Wall {
		b = append(b, byte(t))
	}
	return append(b, h.log...), nil
}

// UnmarshalBinary replaces h by a hand encoded by MarshalBinary, by replaying it. Input that does
// not lead to a state gives an error and leaves h unchanged.
func (h *Hand) UnmarshalBinary(data []byte) error {
	var rules Rules
	data, err := rules.readBinary(data)
	if err != nil {
		return err
	}
	if len(data) < 2+NumTiles {
		return fmt.Errorf("%w: cut short in the deal", ErrCorrupt)
	}
	deal := Deal{Dealer: int(data[0]), SwapDir: int(data[1])}
	for i, t := range data[2 : 2+NumTiles] {
		deal.Wall[i] = Tile(t)
	}
	played, err := New(rules, deal)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	for data = data[2+NumTiles:]; len(data) > 0; {
		var c Command
		if c, data, err = readCommand(data); err != nil {
			return err
		}
		if err := played.apply(c); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		played.out = played.out[:0] // these events have already been told
	}
	played.out = nil
	*h = *played
	return nil
}

// written returns those of the later options that are written: up to the last one that is not the
// default.
func written(later []option) []option {
	for n := len(later); n > 0; n-- {
		if !later[n-1].zero() {
			return later[:n]
		}
	}
	return nil
}

func appendOptions(b []byte, options []option) []byte {
	for _, o := range options {
		switch {
		case o.text != nil:
			b = append(b, byte(slices.Index(o.values, *o.text)))
		case o.flag != nil && *o.flag:
			b = append(b, 1)
		case o.flag != nil:
			b = append(b, 0)
		case o.list != nil:
			for _, v := range o.list {
				b = binary.BigEndian.AppendUint64(b, uint64(v))
			}
		default:
			b = binary.BigEndian.AppendUint32(b, uint32(*o.number))
		}
	}
	return b
}

// readBinary reads the version and the options, and returns the rest. The values are checked by New.
func (r *Rules) readBinary(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] != codecVersion && data[0] != codecLater {
		return nil, fmt.Errorf("%w: unknown version", ErrCorrupt)
	}
	all := r.options()
	rest, err := readOptions(data[1:], all[:firstOptions])
	if err != nil || data[0] == codecVersion {
		return rest, err
	}
	if len(rest) == 0 || int(rest[0]) > len(all)-firstOptions {
		return nil, fmt.Errorf("%w: unknown options", ErrCorrupt)
	}
	later := all[firstOptions : firstOptions+int(rest[0])]
	if rest, err = readOptions(rest[1:], later); err != nil {
		return nil, err
	}
	if len(later) == 0 || len(written(later)) != len(later) { // only one form is valid, so that equal hands have equal bytes
		return nil, fmt.Errorf("%w: an option that is not written", ErrCorrupt)
	}
	return rest, nil
}

func readOptions(data []byte, options []option) ([]byte, error) {
	for _, o := range options {
		size := 1
		switch {
		case o.number != nil:
			size = 4
		case o.list != nil:
			size = 8 * len(o.list)
		}
		if len(data) < size {
			return nil, fmt.Errorf("%w: cut short at option %s", ErrCorrupt, o.key)
		}
		switch {
		case o.number != nil:
			*o.number = int(binary.BigEndian.Uint32(data))
		case o.list != nil:
			for i := range o.list {
				o.list[i] = int(binary.BigEndian.Uint64(data[8*i:]))
			}
		case o.flag != nil && data[0] <= 1:
			*o.flag = data[0] == 1
		case o.text != nil && int(data[0]) < len(o.values):
			*o.text = o.values[data[0]]
		default:
			return nil, fmt.Errorf("%w: option %s", ErrCorrupt, o.key)
		}
		data = data[size:]
	}
	return data, nil
}

// appendCommand encodes a command without the fields that its action ignores.
func appendCommand(b []byte, c Command) []byte {
	if c.Action == ActRelease {
		return append(b, byte(ActRelease)<<2)
	}
	b = append(b, byte(c.Action)<<2|byte(c.Seat))
	switch c.Action {
	case ActSwap:
		b = append(b, byte(c.Tiles[0]), byte(c.Tiles[1]), byte(c.Tiles[2]))
	case ActVoid:
		b = append(b, byte(c.Suit))
	case ActDiscard:
		b = append(b, byte(c.Tile))
	case ActAnGang, ActBuGang:
		b = append(b, byte(c.Kind))
	}
	return b
}

// readCommand reads one command and returns the rest.
func readCommand(data []byte) (Command, []byte, error) {
	c := Command{Action: Action(data[0] >> 2), Seat: int(data[0] & 3)}
	size := 1
	switch c.Action {
	case ActSwap:
		size = 4
	case ActVoid, ActDiscard, ActAnGang, ActBuGang:
		size = 2
	case ActRelease:
		if c.Seat != 0 { // only one form is valid, so that equal hands have equal bytes
			return c, nil, fmt.Errorf("%w: release of a seat", ErrCorrupt)
		}
	}
	if len(data) < size {
		return c, nil, fmt.Errorf("%w: cut short in a command", ErrCorrupt)
	}
	switch c.Action {
	case ActSwap:
		c.Tiles = [3]Tile{Tile(data[1]), Tile(data[2]), Tile(data[3])}
	case ActVoid:
		c.Suit = Suit(data[1])
	case ActDiscard:
		c.Tile = Tile(data[1])
	case ActAnGang, ActBuGang:
		c.Kind = Kind(data[1])
	}
	return c, data[size:], nil
}
