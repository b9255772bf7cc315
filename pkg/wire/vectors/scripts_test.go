package vectors

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire/wirepb"
)

// What a client could not play is refused when it is read, wherever it stands.
func TestBadScripts(t *testing.T) {
	const ok = `{"online": {"player": "7", "token": "t"}},
		{"user": {"as": "a", "call": {"method": "queue.list"}}, "sends": [{"call": {"as": "one", "method": "queue.list"}}]}`
	for steps, want := range map[string]string{
		ok: "",
		ok + `, {"receive": [{"reply": {"to": "one"}}], "tells": [{"answer": "a"}], "events": [1, {"snapshot": 2}], "then": {"online": true}}`: "",

		`{"lose": {}, "send": []}`:                                       `unknown field "send"`,
		`{"lose": {"ms": 3}}`:                                            `unknown field "ms"`,
		`{"lose": {}, "lose": {}}`:                                       `"lose" comes twice`,
		`{"lose": {}, "wait": {}, "pass_ms": 3}`:                         "2 inputs",
		`{"pass_ms": 3}`:                                                 "0 inputs",
		`{"wait": {}}`:                                                   "no time passes",
		`{"lose": {}, "pass_ms": -1}`:                                    "no time passes",
		`{"lose": {}, "then": {"onlin": true}}`:                          `unknown field "onlin"`,
		`{"lose": {}, "events": ["1"]}`:                                  "cannot unmarshal",
		`{"lose": {}, "events": [{"snap": 1}]}`:                          `unknown field "snap"`,
		`{"lose": {}, "events": [{}]}`:                                   "neither a number nor a snapshot",
		`{"lose": {}, "tells": [{"answer": "b"}]}`:                       `nothing is called "b"`,
		`{"lose": {}, "tells": [{"code": "BUSY"}]}`:                      "0 things told",
		`{"lose": {}, "tells": [{"ended": true, "code": "LAZY"}]}`:       `no code is called "LAZY"`,
		`{"lose": {}, "tells": [{"offline": true, "code": "BUSY"}]}`:     "more than there is",
		`{"lose": {}, "sends": [{"hello": {"versio": 2}}]}`:              "versio",
		`{"lose": {}, "sends": [{"hello": {}, "ping": {}}]}`:             "2 bodies",
		`{"lose": {}, "sends": [{"push": {"kind": "EVENT"}}]}`:           "neither replies nor pushes",
		`{"lose": {}, "sends": [{"call": {"as": "x", "method": "no"}}]}`: `a call of "no"`,
		`{"lose": {}, "sends": [{"call": {"method": "queue.list"}}]}`:    `as ""`,
		`{"lose": {}, "sends": [{"call": {"as": "x", "method": "queue.join", "payload": {"que": 1}}}]}`: "que",
		`{"receive": [{"call": {"as": "x", "method": "queue.list"}}]}`:                                  "makes no calls",
		`{"receive": [{"reply": {"to": "x"}}]}`:                                                         "was not called",
		ok + `, {"receive": [{"reply": {"to": "one", "code": "PROMPT_GONE"}}]}`:                         "is not answered PROMPT_GONE",
		ok + `, {"receive": [{"reply": {"to": "one", "payload": {"quees": []}}}]}`:                      "quees",
		`{"receive": [{"push": {"kind": "EVNT"}}]}`:                                                     `kind "EVNT"`,
		`{"receive": [{"push": {"kind": "EVENT", "number": 1, "numbers": [2]}}]}`:                       "number and numbers",
		`{"receive": [{"push": {"kind": "NOTICE", "payload": {"opened": {}}}}]}`:                        "opened",
		`{"receive": [{"welcome": {"version": "two"}}]}`:                                                "version",
		`{"online": {"playr": 7}}`:                                                                      "playr",
		`{"seated": {"table": 5, "reply": {"set": 2}}}`:                                                 "set",
		`{"user": {"as": "a"}}`:                                                                         "0 things at once",
		`{"user": {"as": "a", "join": {}, "cancel": {}}}`:                                               "2 things at once",
		`{"user": {"join": {}}}`:                                                                        "has a name",
		`{"user": {"as": "a", "sit": {}, "table": 5}}`:                                                  "nothing else has",
		`{"user": {"sit": {}}}`:                                                                         "a table goes with",
		`{"user": {"as": "a", "join": {}, "table": 5}}`:                                                 "a table goes with",
		`{"user": {"as": "a", "join": {"queues": "x"}}}`:                                                "queues",
		`{"user": {"as": "a", "call": {"method": "no"}}}`:                                               `no method is called "no"`,
		`{"user": {"give_up": "a"}}`:                                                                    `nothing is called "a"`,
		ok + `, {"user": {"as": "a", "join": {}}}`:                                                      "used twice",
	} {
		_, err := parseScripts(fmt.Appendf(nil, `{"scripts": [{"name": "n", "rules": ["r"], "start": {}, "steps": [%s]}]}`, steps))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", steps, err, want)
		}
	}
	for script, want := range map[string]string{
		`{"rules": ["r"]}`: "no name",
		`{"name": "n"}`:    "no rules",
		`{"name": "n", "rules": ["r"], "start": {"keeps": 3}}`:                     "keeps",
		`{"name": "n", "rules": ["r"], "needs": ["keeps"]}`:                        "keeps",
		`{"name": "n", "rules": ["r"], "needs": ["luck"]}`:                         `the need "luck"`,
		`{"name": "n", "rules": ["r"], "start": {"tokn": "t"}}`:                    `unknown field "tokn"`,
		`{"name": "n", "rules": ["r"], "needs": ["heartbeat"], "start": {}}`:       "",
		`{"name": "n", "rules": ["r"], "needs": ["keeps"], "start": {"keeps": 3}}`: "",
	} {
		if _, err := parseScripts(fmt.Appendf(nil, `{"scripts": [%s]}`, script)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

// parrot is a client that does what it is told to do, right or wrong.
type parrot struct {
	did     []Did // by step
	now     Now
	refuses bool
}

func (p *parrot) Connect(time.Duration) error {
	if p.refuses {
		return errors.New("it does not want to")
	}
	return nil
}
func (p *parrot) Receive(*wirepb.Envelope) {}
func (p *parrot) Lose()                    {}
func (p *parrot) Do(*Op, proto.Message)    {}
func (p *parrot) Pass(time.Duration)       {}
func (p *parrot) Now() Now                 { return p.now }

func (p *parrot) Did() (did Did) {
	if len(p.did) > 0 {
		did, p.did = p.did[0], p.did[1:]
	}
	return did
}

// failures is a testing.TB that only takes notes.
type failures struct {
	testing.TB
	all []string
}

func (f *failures) Helper()      {}
func (f *failures) Failed() bool { return len(f.all) > 0 }
func (f *failures) Errorf(format string, args ...any) {
	f.all = append(f.all, fmt.Sprintf(format, args...))
}

// What a client does or tells otherwise than the script says is found, and what it is free to choose is not.
func TestPlayFindsWhatIsWrong(t *testing.T) {
	const text = `{"scripts": [{"name": "n", "rules": ["r"], "start": {"token": "t"}, "steps": [
		{"connect": {}, "sends": [{"hello": {"version": 2}}]},
		{"receive": [{"welcome": {}}], "sends": [{"call": {"as": "l", "method": "auth.resume", "payload": {"token": "t"}}}]},
		{"user": {"as": "q", "join": {"queue": "bench"}}, "pings": true, "sends": [
			{"call": {"as": "j", "method": "queue.join", "payload": {"number": "1", "queue": "bench"}}},
			{"call": {"as": "a", "method": "table.attach", "table": 5, "payload": {"lastEvent": "2"}}}]},
		{"receive": [{"reply": {"to": "j"}}], "tells": [{"answer": "q", "ticket": 3}, {"offline": true}], "events": [1, {"snapshot": 2}], "then": {"ticket": 3, "online": false}}
	]}]}`
	scripts, err := parseScripts([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	hello := func(h *wirepb.Hello) *wirepb.Envelope {
		return &wirepb.Envelope{Body: &wirepb.Envelope_Hello{Hello: h}}
	}
	call := func(method string, table uint64, m proto.Message) *wirepb.Envelope {
		raw, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{Id: 77, Method: method, Table: table, Payload: raw}}}
	}
	ping := &wirepb.Envelope{Body: &wirepb.Envelope_Ping{Ping: &wirepb.Ping{Nonce: 9}}}
	resume := func(device, attempt uint64) *wirepb.Envelope {
		return call("auth.resume", 0, &wirepb.ResumeRequest{Token: "t", Device: device, Attempt: attempt})
	}
	attach := call("table.attach", 5, &wirepb.AttachRequest{LastEvent: 2})
	join := call("queue.join", 0, &wirepb.JoinRequest{Number: 1, Queue: "bench"})
	right := func() *parrot {
		return &parrot{
			did: []Did{
				{Sent: []*wirepb.Envelope{hello(&wirepb.Hello{Version: 2, Client: "parrot"})}},
				{Sent: []*wirepb.Envelope{ping, resume(3, 1)}},
				{Sent: []*wirepb.Envelope{attach, ping, ping, join}},
				{Told: []Told{{Offline: true}, {Answer: "q", Ticket: 3}}, Events: []Event{{Number: 1}, {Number: 2, Snapshot: true}}},
			},
			now: Now{Ticket: 3},
		}
	}
	for want, change := range map[string]func(p *parrot){
		"":                              func(p *parrot) {},
		"step 1: it does not connect":   func(p *parrot) { p.refuses = true },
		"step 1: it does not send":      func(p *parrot) { p.did[0].Sent = []*wirepb.Envelope{hello(&wirepb.Hello{Version: 1})} },
		"step 1: it does not send hel":  func(p *parrot) { p.did[0].Sent = nil },
		"step 2: device 0":              func(p *parrot) { p.did[1].Sent[1] = resume(0, 1) },
		"attempt 0 follow":              func(p *parrot) { p.did[1].Sent[1] = resume(3, 0) },
		"step 2: it sends too much":     func(p *parrot) { p.did[1].Sent = append(p.did[1].Sent, join) },
		"step 3: no Ping":               func(p *parrot) { p.did[2].Sent = []*wirepb.Envelope{attach, join} },
		"step 3: it does not send":      func(p *parrot) { p.did[2].Sent[0] = call("table.attach", 5, &wirepb.AttachRequest{}) },
		"step 3: it does not send tabl": func(p *parrot) { p.did[2].Sent[0] = call("table.attach", 6, &wirepb.AttachRequest{LastEvent: 2}) },
		"step 4: it tells":              func(p *parrot) { p.did[3].Told[1].Ticket = 4 },
		"step 4: it tells [{Answer:q":   func(p *parrot) { p.did[3].Told[0] = Told{Answer: "q", Code: "BUSY"} },
		"step 4: it tells too much":     func(p *parrot) { p.did[3].Told = append(p.did[3].Told, Told{Offline: true}) },
		"step 4: the events are [1 2]":  func(p *parrot) { p.did[3].Events[1].Snapshot = false },
		"step 4: ticket is 2":           func(p *parrot) { p.now.Ticket = 2 },
		"step 4: online is true":        func(p *parrot) { p.now.Online = true },
	} {
		p, f := right(), &failures{TB: t}
		change(p)
		scripts[0].Play(f, p)
		if got := strings.Join(f.all, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
