package vectors

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Script is what happens to a client, step by step, and what it has to do.
type Script struct {
	Name  string   `json:"name"`
	Rules []string `json:"rules"`           // of PROTOCOL.md, "What a client must do"
	Needs []string `json:"needs,omitempty"` // what only some clients have, see Needs
	Start Start    `json:"start"`
	Steps []Step   `json:"steps"`

	file string
}

// Needs lists what a Script may need of a client beyond its decisions: a clock of its own for heartbeats, or a
// bound of events that it keeps for its user.
func Needs() []string { return []string{"heartbeat", "keeps"} }

// Start is what a client knows before its first connection.
type Start struct {
	Name  string `json:"name,omitempty"`  // of a new guest
	Token string `json:"token,omitempty"` // of a session to resume
	Keeps int    `json:"keeps,omitempty"` // events that it keeps for its user; 0 = many
}

// Step is one input, which is exactly one of the first members, the time that passes then, and all that the
// client does until it has passed.
type Step struct {
	About string `json:"about,omitempty"`

	Connect *Connect        `json:"connect,omitempty"`
	Receive []Envelope      `json:"receive,omitempty"`
	Lose    *Nothing        `json:"lose,omitempty"`
	User    *Op             `json:"user,omitempty"`
	Wait    *Nothing        `json:"wait,omitempty"`
	Online  json.RawMessage `json:"online,omitempty"` // short for three steps, see README.md
	Seated  *Seated         `json:"seated,omitempty"` // short for two steps

	PassMS int `json:"pass_ms,omitempty"`

	Sends  []Envelope `json:"sends,omitempty"`
	Pings  bool       `json:"pings,omitempty"`
	Tells  []Told     `json:"tells,omitempty"`
	Events []Event    `json:"events,omitempty"`
	Then   *State     `json:"then,omitempty"`
}

// Nothing is an input without details.
type Nothing struct{}

// Connect opens a connection, because the client has asked for one.
type Connect struct {
	NotBeforeMS int `json:"not_before_ms,omitempty"` // since it lost the one before
}

// Seated is a seat at a table whose attach is answered with Reply.
type Seated struct {
	Table uint64          `json:"table"`
	Reply json.RawMessage `json:"reply"`
}

// Envelope is a message on the connection: a Call, Reply or Push, whose payload is written out, or any
// other body.
type Envelope struct {
	Call  *Call  `json:"call,omitempty"`
	Reply *Reply `json:"reply,omitempty"`
	Push  *Push  `json:"push,omitempty"`

	Hello     json.RawMessage `json:"hello,omitempty"`
	Welcome   json.RawMessage `json:"welcome,omitempty"`
	Ping      json.RawMessage `json:"ping,omitempty"`
	Pong      json.RawMessage `json:"pong,omitempty"`
	Bye       json.RawMessage `json:"bye,omitempty"`
	GoingAway json.RawMessage `json:"goingAway,omitempty"`
}

type Call struct {
	As      string          `json:"as"` // what later replies call it
	Method  string          `json:"method"`
	Table   uint64          `json:"table,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"` // of the method's request; absent = empty
}

type Reply struct {
	To      string          `json:"to"`             // Call.As
	Code    string          `json:"code,omitempty"` // absent = OK
	Payload json.RawMessage `json:"payload,omitempty"`
}

type Push struct {
	Kind    string          `json:"kind"`
	Table   uint64          `json:"table,omitempty"`
	Number  uint64          `json:"number,omitempty"`
	Numbers []uint64        `json:"numbers,omitempty"` // instead of Number: one push each
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Op is something that the user does: exactly one member beside As and Table.
type Op struct {
	As    string `json:"as,omitempty"`    // what the answer is told under
	Table uint64 `json:"table,omitempty"` // of Sit, Move and Leave

	Join   json.RawMessage `json:"join,omitempty"`   // JoinRequest without number
	Cancel json.RawMessage `json:"cancel,omitempty"` // CancelRequest without number
	Sit    *Nothing        `json:"sit,omitempty"`
	Move   json.RawMessage `json:"move,omitempty"` // MoveRequest without number
	Leave  *Nothing        `json:"leave,omitempty"`
	Call   *Asked          `json:"call,omitempty"`
	GiveUp string          `json:"give_up,omitempty"` // As of what is not waited for any longer
	Read   *bool           `json:"read,omitempty"`    // whether events are taken as they come, as at first
}

// Asked is a call that the client knows nothing special about.
type Asked struct {
	Method  string          `json:"method"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Repeat  bool            `json:"repeat,omitempty"` // until the answer is definite
}

// Told is what a client tells its user: exactly one of Answer, Over, Offline and Ended.
type Told struct {
	Answer string `json:"answer,omitempty"` // Op.As
	Number uint64 `json:"number,omitempty"` // under which a move was sent
	Ticket uint64 `json:"ticket,omitempty"` // of a join

	Over    uint64 `json:"over,omitempty"`    // a table whose events end
	Offline bool   `json:"offline,omitempty"` // a connection that was logged in is lost
	Ended   bool   `json:"ended,omitempty"`   // the session, for good

	Code string `json:"code,omitempty"` // of Answer, Over and Ended; absent = OK
}

// Event is an event that the user has read: its number, or that of a snapshot.
type Event struct {
	Number   uint64
	Snapshot bool
}

// State is what the client knows now. What is absent is not compared.
type State struct {
	Online   *bool   `json:"online,omitempty"`   // logged in on a connection
	Table    *uint64 `json:"table,omitempty"`    // that the player is bound to; 0 = none
	Ticket   *uint64 `json:"ticket,omitempty"`   // held; 0 = none
	Unqueued *bool   `json:"unqueued,omitempty"` // the ticket is gone without a table, and the user must know
	Seat     *uint64 `json:"seat,omitempty"`     // at the table that he sits at
	Attached *bool   `json:"attached,omitempty"` // to that, on this connection
}

func (e *Event) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &e.Number); err == nil {
		return nil
	}
	var s struct {
		Snapshot *uint64 `json:"snapshot"`
	}
	if err := strict(raw, &s); err != nil {
		return err
	}
	if s.Snapshot == nil {
		return fmt.Errorf("%s is neither a number nor a snapshot", raw)
	}
	e.Number, e.Snapshot = *s.Snapshot, true
	return nil
}

func (e Event) String() string {
	if e.Snapshot {
		return fmt.Sprintf("snapshot %d", e.Number)
	}
	return fmt.Sprint(e.Number)
}

// ReadScripts reads all scripts of a folder, by file and in their order. Whatever a client could not
// play is an error: an unknown member, code, method or label, a message that is not as the definition says.
func ReadScripts(dir string) ([]Script, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Script
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		scripts, err := parseScripts(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, s := range scripts {
			s.file = filepath.Base(path)
			if slices.ContainsFunc(all, func(o Script) bool { return o.Name == s.Name }) {
				return nil, fmt.Errorf("%s: two scripts are called %q", path, s.Name)
			}
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no scripts", dir)
	}
	return all, nil
}

// File is the name of the file that has the script.
func (s *Script) File() string { return s.file }

func parseScripts(raw []byte) ([]Script, error) {
	var file struct {
		Scripts []Script `json:"scripts"`
	}
	if err := strict(raw, &file); err != nil {
		return nil, err
	}
	for _, s := range file.Scripts {
		if _, err := compile(&s); err != nil {
			return nil, fmt.Errorf("%q: %w", s.Name, err)
		}
	}
	return file.Scripts, nil
}
