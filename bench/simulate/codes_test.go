package simulate

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

func TestCodesThatNoClientExpects(t *testing.T) {
	reply := func(code wirepb.Code) *wirepb.Envelope {
		return &wirepb.Envelope{Body: &wirepb.Envelope_Reply{Reply: &wirepb.Reply{Code: code}}}
	}
	bye := func(code wirepb.Code) *wirepb.Envelope {
		return &wirepb.Envelope{Body: &wirepb.Envelope_Bye{Bye: &wirepb.Bye{Code: code}}}
	}
	detached := func(code wirepb.Code) *wirepb.Envelope {
		payload, err := proto.Marshal(&wirepb.Notice{Body: &wirepb.Notice_Detached{Detached: &wirepb.Detached{Code: code}}})
		if err != nil {
			t.Fatal(err)
		}
		return &wirepb.Envelope{Body: &wirepb.Envelope_Push{Push: &wirepb.Push{Kind: wirepb.Push_NOTICE, Payload: payload}}}
	}
	c := codes{wire.NewMethods()}
	for want, e := range map[string]*wirepb.Envelope{
		"table.move is answered NOT_LEADER": reply(wirepb.Code_NOT_LEADER),
		"a connection ends by NOT_LEADER":   bye(wirepb.Code_NOT_LEADER),
		"a stream ends by NOT_LEADER":       detached(wirepb.Code_NOT_LEADER),
	} {
		if got := c.wrong(e, "table.move"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, e := range []*wirepb.Envelope{
		reply(wirepb.Code_PROMPT_GONE), bye(wirepb.Code_SUPERSEDED), detached(wirepb.Code_TABLE_GONE),
	} {
		if got := c.wrong(e, "table.move"); got != "" {
			t.Errorf("%v: %s", e, got)
		}
	}
}
