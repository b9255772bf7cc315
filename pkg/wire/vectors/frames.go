// Package vectors reads the protocol's test vectors, which lie beside it as JSON, so that the tests of
// this repository and those of a client in another language read the same files. README.md beside it
// says what each member means.
//
//	frames, err := vectors.ReadFrames("vectors/frames.json")
//	scripts, err := vectors.ReadScripts("../../wire/vectors/client")
//	for _, s := range scripts { s.Play(t, client) }
//
// A member that the format does not know is an error, so that no misspelt one passes. The package knows
// nothing of any client. Tests and deploy/protocol, which writes all but the scripts, may
// import it.
package vectors

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Frames is frames.json.
type Frames struct {
	MaxFrame   int          `json:"max_frame"` // bytes of a body
	Frames     []Frame      `json:"frames"`
	Reads      []Read       `json:"reads"`
	Refused    []Refused    `json:"refused"`
	Unfinished []Unfinished `json:"unfinished"`
}

// Frame is one whole frame and what it says.
type Frame struct {
	Name       string          `json:"name"`
	Hex        Hex             `json:"hex"`
	Envelope   json.RawMessage `json:"envelope"`              // ProtoJSON
	Holds      []Held          `json:"holds,omitempty"`       // what its opaque bytes are
	DecodeOnly bool            `json:"decode_only,omitempty"` // nobody would encode it in this way
}

// Held is a message that is the contents of a field of bytes.
type Held struct {
	Field   string          `json:"field"`   // path of names, such as "call.payload"
	Message string          `json:"message"` // full name of its type
	JSON    json.RawMessage `json:"json"`    // ProtoJSON
	Holds   []Held          `json:"holds,omitempty"`
}

// Read is a stream in the pieces in which it arrives.
type Read struct {
	Name      string            `json:"name"`
	Reads     []Hex             `json:"reads"`
	Envelopes []json.RawMessage `json:"envelopes"` // ProtoJSON, in order
}

// Refused is what ends a connection.
type Refused struct {
	Name string `json:"name"`
	Hex  Hex    `json:"hex"`
	Code string `json:"code"` // of the Bye
}

// Unfinished is the beginning of a frame: neither a message nor an error until more comes.
type Unfinished struct {
	Name string `json:"name"`
	Hex  Hex    `json:"hex"`
}

// Messages is messages.json: every message of the protocol, filled in by rote.
type Messages struct {
	Messages []Message `json:"messages"`
}

// Message is one message alone, without envelope and frame.
type Message struct {
	Message string          `json:"message"` // full name of its type
	Name    string          `json:"name"`
	Hex     Hex             `json:"hex"`
	JSON    json.RawMessage `json:"json"` // ProtoJSON
}

// Fair is fair.json.
type Fair struct {
	Hands []FairHand `json:"hands"`
}

// FairHand is a deal of mahjong with all that it follows from.
type FairHand struct {
	Table      uint64 `json:"table,string"`
	Hand       uint32 `json:"hand"`
	Seed       Hex    `json:"seed"`
	Commitment Hex    `json:"commitment"`
	Nonces     []Hex  `json:"nonces"` // by seat
	Mixed      Hex    `json:"mixed"`
	Wall       []int  `json:"wall"` // tiles 0..107 in drawing order
	Direction  int    `json:"direction"`
}

// Hex is bytes that are written as two digits each.
type Hex []byte

func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// ReadFrames reads frames.json.
func ReadFrames(path string) (*Frames, error) { return readFile[Frames](path) }

// ReadMessages reads messages.json.
func ReadMessages(path string) (*Messages, error) { return readFile[Messages](path) }

// ReadFair reads fair.json.
func ReadFair(path string) (*Fair, error) { return readFile[Fair](path) }

func readFile[T any](path string) (*T, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	into := new(T)
	if err := strict(raw, into); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return into, nil
}

// strict reads one JSON value and refuses what into does not have, and a member that comes twice.
func strict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return unique(json.NewDecoder(bytes.NewReader(raw)))
}

// unique refuses an object with two members of one name, of which the decoder would drop one.
func unique(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return fmt.Errorf("%q comes twice in one object", name)
			}
			seen[name] = true
			if err := unique(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if err := unique(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// Parse reads a message of the type with this full name from ProtoJSON. The program must link the type.
func Parse(name string, text json.RawMessage) (proto.Message, error) {
	m, err := newMessage(name)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Decode reads a message of the type with this full name from its bytes.
func Decode(name string, raw []byte) (proto.Message, error) {
	m, err := newMessage(name)
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func newMessage(name string) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t.New().Interface(), nil
}
