package gomoku

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

type rules struct {
	Size  int   `json:"size"`
	Exact bool  `json:"exact"`
	Base  int64 `json:"base"`
}

const (
	minSize, maxSize = 9, 19
	maxBase          = 1_000_000
)

// parseRules applies overrides to the default rules; errors name what is wrong.
func parseRules(overrides []byte) (rules, error) {
	r := rules{Size: 15, Base: 1}
	if len(bytes.TrimSpace(overrides)) > 0 {
		d := json.NewDecoder(bytes.NewReader(overrides))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			return r, fmt.Errorf("gomoku: rules: %w", err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return r, errors.New("gomoku: rules: something follows the object")
		}
	}
	switch {
	case r.Size < minSize || r.Size > maxSize:
		return r, fmt.Errorf("gomoku: option %q: %d is not in %d to %d", "size", r.Size, minSize, maxSize)
	case r.Base < 1 || r.Base > maxBase:
		return r, fmt.Errorf("gomoku: option %q: %d is not in 1 to %d", "base", r.Base, maxBase)
	}
	return r, nil
}
