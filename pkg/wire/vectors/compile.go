package vectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// step is a Step whose messages have been read.
type step struct {
	*Step
	at      int // of the script's step, from 1
	receive []message
	request proto.Message // of User
	sends   []message
}

// message is an envelope; label stands for the call that it is or answers.
type message struct {
	*wirepb.Envelope
	label string
}

// compiler reads a script's messages.
type compiler struct {
	methods *wire.Methods
	labels  map[string]string // method by Call.As
	answers map[string]bool   // Op.As
	token   string            // the newest
	name    string
	out     []step
	at      int
}

func compile(s *Script) ([]step, error) {
	c := &compiler{
		methods: wire.NewMethods(), labels: map[string]string{}, answers: map[string]bool{}, token: s.Start.Token, name: s.Start.Name,
	}
	switch {
	case s.Name == "":
		return nil, errors.New("no name")
	case len(s.Rules) == 0:
		return nil, errors.New("no rules")
	case s.Start.Keeps < 0 || (s.Start.Keeps > 0) != slices.Contains(s.Needs, "keeps"):
		return nil, errors.New("keeps goes with the need of that name")
	}
	for _, n := range s.Needs {
		if !slices.Contains(Needs(), n) {
			return nil, fmt.Errorf("nobody knows the need %q", n)
		}
	}
	for i := range s.Steps {
		c.at = i + 1
		if err := c.step(&s.Steps[i]); err != nil {
			return nil, fmt.Errorf("step %d: %w", c.at, err)
		}
	}
	return c.out, nil
}

func (c *compiler) step(s *Step) error {
	inputs := 0
	for _, is := range []bool{
		s.Connect != nil, s.Receive != nil, s.Lose != nil, s.User != nil, s.Wait != nil, s.Online != nil, s.Seated != nil,
	} {
		if is {
			inputs++
		}
	}
	switch {
	case inputs != 1:
		return fmt.Errorf("%d inputs, want one", inputs)
	case s.PassMS < 0 || s.Wait != nil && s.PassMS == 0:
		return errors.New("no time passes")
	case s.Online != nil:
		return c.online(s)
	case s.Seated != nil:
		return c.seated(s)
	}
	return c.plain(s)
}

// plain reads a step that is not short for others.
func (c *compiler) plain(s *Step) (err error) {
	out := step{Step: s, at: c.at}
	for _, e := range s.Receive {
		all, err := c.received(e)
		if err != nil {
			return err
		}
		out.receive = append(out.receive, all...)
	}
	if s.User != nil {
		if out.request, err = c.op(s.User); err != nil {
			return err
		}
	}
	for _, e := range s.Sends {
		m, err := c.sent(e)
		if err != nil {
			return err
		}
		out.sends = append(out.sends, m)
	}
	for _, told := range s.Tells {
		if err := c.told(told); err != nil {
			return err
		}
	}
	c.out = append(c.out, out)
	return nil
}

// online is short for a connection on which the client says Hello and logs in.
func (c *compiler) online(s *Step) error {
	login := &wirepb.LoginReply{}
	if err := protojson.Unmarshal(s.Online, login); err != nil {
		return err
	}
	method, request := "auth.guest", proto.Message(&wirepb.GuestRequest{Name: c.name})
	if c.token != "" {
		method, request = "auth.resume", &wirepb.ResumeRequest{Token: c.token}
	}
	payload, err := protojson.Marshal(request)
	if err != nil {
		return err
	}
	welcome, err := protojson.Marshal(&wirepb.Welcome{
		Version: wire.Version, Gateway: "gateway-1", HeartbeatMs: 10_000, IdleMs: 30_000, MaxFrame: 64 << 10,
	})
	if err != nil {
		return err
	}
	const label = "its login"
	last := *s
	last.Online, last.Receive = nil, []Envelope{{Reply: &Reply{To: label, Payload: s.Online}}}
	return c.all(
		&Step{Connect: &Connect{}, Sends: []Envelope{{Hello: json.RawMessage(`{}`)}}},
		&Step{
			Receive: []Envelope{{Welcome: welcome}},
			Sends:   []Envelope{{Call: &Call{As: label, Method: method, Payload: payload}}},
		},
		&last)
}

// seated is short for sitting down at a table.
func (c *compiler) seated(s *Step) error {
	const label = "its attach"
	last := *s
	last.Seated, last.Receive = nil, []Envelope{{Reply: &Reply{To: label, Payload: s.Seated.Reply}}}
	return c.all(
		&Step{
			User:  &Op{Table: s.Seated.Table, Sit: &Nothing{}},
			Sends: []Envelope{{Call: &Call{As: label, Method: "table.attach", Table: s.Seated.Table}}},
		},
		&last)
}

func (c *compiler) all(steps ...*Step) error {
	for _, s := range steps {
		if err := c.plain(s); err != nil {
			return err
		}
	}
	return nil
}

// received reads what a gateway sends.
func (c *compiler) received(e Envelope) ([]message, error) {
	switch {
	case e.Call != nil:
		return nil, errors.New("a gateway makes no calls")
	case e.Reply != nil:
		m, err := c.reply(e)
		return []message{m}, err
	case e.Push == nil:
		m, err := plainBody(e)
		return []message{m}, err
	}
	numbers := e.Push.Numbers
	if len(numbers) == 0 {
		numbers = []uint64{e.Push.Number}
	} else if e.Push.Number != 0 {
		return nil, errors.New("a push with number and numbers")
	}
	var all []message
	for _, n := range numbers {
		m, err := push(e, n)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func (c *compiler) reply(e Envelope) (message, error) {
	if err := single(e); err != nil {
		return message{}, err
	}
	name, known := c.labels[e.Reply.To]
	if !known {
		return message{}, fmt.Errorf("a reply to %q, which was not called", e.Reply.To)
	}
	code, err := codeOf(e.Reply.Code)
	if err != nil {
		return message{}, err
	}
	method, _ := c.methods.Lookup(name)
	if !method.MayAnswer(code) {
		return message{}, fmt.Errorf("%s is not answered %v", name, code)
	}
	payload, err := contents(string(method.Response.FullName()), e.Reply.Payload)
	if err != nil {
		return message{}, err
	}
	if method.Login && code == wirepb.Code_OK {
		login := &wirepb.LoginReply{}
		if err := proto.Unmarshal(payload, login); err != nil {
			return message{}, err
		}
		if login.Token != "" {
			c.token = login.Token
		}
	}
	return message{label: e.Reply.To, Envelope: &wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: &wirepb.Reply{Code: code, Payload: payload}}}}, nil
}

func push(e Envelope, number uint64) (message, error) {
	if err := single(e); err != nil {
		return message{}, err
	}
	kind, known := wirepb.Push_Kind_value[e.Push.Kind]
	holds := map[string]string{"EVENT": "TableEvent", "SNAPSHOT": "TableView", "NOTICE": "Notice"}[e.Push.Kind]
	if !known || holds == "" {
		return message{}, fmt.Errorf("a push of kind %q", e.Push.Kind)
	}
	payload, err := contents("teahouse.v1."+holds, e.Push.Payload)
	return message{Envelope: &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{
		Kind: wirepb.Push_Kind(kind), Table: e.Push.Table, Number: number, Payload: payload,
	}}}}, err
}

// sent reads what a client has to send.
func (c *compiler) sent(e Envelope) (message, error) {
	if e.Reply != nil || e.Push != nil {
		return message{}, errors.New("a client sends neither replies nor pushes")
	}
	if e.Call == nil {
		return plainBody(e)
	}
	if err := single(e); err != nil {
		return message{}, err
	}
	method, known := c.methods.Lookup(e.Call.Method)
	if !known || e.Call.As == "" {
		return message{}, fmt.Errorf("a call of %q as %q", e.Call.Method, e.Call.As)
	}
	c.labels[e.Call.As] = e.Call.Method
	payload, err := contents(string(method.Request.FullName()), e.Call.Payload)
	return message{label: e.Call.As, Envelope: &wirepb.Envelope{Body: &wirepb.Envelope_Call{Call: &wirepb.Call{
		Method: e.Call.Method, Table: e.Call.Table, Payload: payload,
	}}}}, err
}

// plainBody reads a message that is neither a call nor a reply nor a push.
func plainBody(e Envelope) (message, error) {
	if err := single(e); err != nil {
		return message{}, err
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return message{}, err
	}
	m := &wirepb.Envelope{}
	return message{Envelope: m}, protojson.Unmarshal(raw, m)
}

// single refuses an envelope with two bodies, or none.
func single(e Envelope) error {
	n := 0
	for _, is := range []bool{
		e.Call != nil, e.Reply != nil, e.Push != nil, e.Hello != nil, e.Welcome != nil, e.Ping != nil, e.Pong != nil, e.Bye != nil, e.GoingAway != nil,
	} {
		if is {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("a message with %d bodies", n)
	}
	return nil
}

// contents is the encoding of a payload that is written as ProtoJSON.
func contents(message string, text json.RawMessage) ([]byte, error) {
	if len(text) == 0 {
		text = json.RawMessage(`{}`)
	}
	m, err := Parse(message, text)
	if err != nil {
		return nil, err
	}
	return Encode(m)
}

func codeOf(name string) (wirepb.Code, error) {
	if name == "" {
		return wirepb.Code_OK, nil
	}
	code, known := wirepb.Code_value[name]
	if !known {
		return 0, fmt.Errorf("no code is called %q", name)
	}
	return wirepb.Code(code), nil
}

// op checks what a user does and reads the request that goes with it, if any.
func (c *compiler) op(o *Op) (request proto.Message, err error) {
	n, table, answered := 0, false, true
	read := func(text json.RawMessage, m proto.Message) {
		if text != nil {
			n++
			request, err = m, errors.Join(err, protojson.Unmarshal(text, m))
		}
	}
	read(o.Join, &wirepb.JoinRequest{})
	read(o.Cancel, &wirepb.CancelRequest{})
	read(o.Move, &wirepb.MoveRequest{})
	table = o.Move != nil
	if o.Sit != nil {
		n, table, answered = n+1, true, false
	}
	if o.Leave != nil {
		n, table = n+1, true
	}
	if o.GiveUp != "" {
		n, answered = n+1, false
		if !c.answers[o.GiveUp] {
			err = errors.Join(err, fmt.Errorf("nothing is called %q", o.GiveUp))
		}
	}
	if o.Read != nil {
		n, answered = n+1, false
	}
	if o.Call != nil {
		n++
		method, known := c.methods.Lookup(o.Call.Method)
		if !known {
			return nil, fmt.Errorf("no method is called %q", o.Call.Method)
		}
		t, find := protoregistry.GlobalTypes.FindMessageByName(method.Request.FullName())
		if find != nil {
			return nil, find
		}
		request = t.New().Interface()
		if o.Call.Payload != nil {
			err = errors.Join(err, protojson.Unmarshal(o.Call.Payload, request))
		}
	}
	switch {
	case err != nil:
		return nil, err
	case n != 1:
		return nil, fmt.Errorf("%d things at once, want one", n)
	case (o.Table != 0) != table:
		return nil, errors.New("a table goes with sit, move and leave")
	case (o.As != "") != answered:
		return nil, errors.New("what is answered has a name, and nothing else has")
	case c.answers[o.As]:
		return nil, fmt.Errorf("%q is used twice", o.As)
	}
	if o.As != "" {
		c.answers[o.As] = true
	}
	return request, nil
}

func (c *compiler) told(t Told) error {
	n := 0
	for _, is := range []bool{t.Answer != "", t.Over != 0, t.Offline, t.Ended} {
		if is {
			n++
		}
	}
	_, err := codeOf(t.Code)
	switch {
	case err != nil:
		return err
	case n != 1:
		return fmt.Errorf("%d things told at once, want one", n)
	case t.Answer != "" && !c.answers[t.Answer]:
		return fmt.Errorf("nothing is called %q", t.Answer)
	case t.Answer == "" && (t.Number != 0 || t.Ticket != 0), t.Offline && t.Code != "":
		return errors.New("told more than there is to tell")
	}
	return nil
}

// pass is the time that passes in a step.
func (s step) pass() time.Duration { return time.Duration(s.PassMS) * time.Millisecond }
