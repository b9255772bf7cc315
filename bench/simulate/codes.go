package simulate

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// codes checks that a client meets each code only where the protocol's definition says so: authors of
// clients rely on it.
type codes struct{ methods *wire.Methods }

// wrong describes what a gateway's message breaks; "" = nothing. method is that of the call that a
// reply answers.
func (c codes) wrong(e *wirepb.Envelope, method string) string {
	switch body := e.Body.(type) {
	case *wirepb.Envelope_Reply:
		if m, known := c.methods.Lookup(method); known && !m.MayAnswer(body.Reply.Code) {
			return method + " is answered " + body.Reply.Code.String()
		}
	case *wirepb.Envelope_Bye:
		if !slices.Contains(wire.Wheres(body.Bye.Code), wirepb.Where_IN_BYE) {
			return "a connection ends by " + body.Bye.Code.String()
		}
	case *wirepb.Envelope_Push:
		n := &wirepb.Notice{}
		if body.Push.Kind != wirepb.Push_NOTICE || proto.Unmarshal(body.Push.Payload, n) != nil || n.GetDetached() == nil {
			return ""
		}
		if code := n.GetDetached().Code; !slices.Contains(wire.Wheres(code), wirepb.Where_IN_PUSH) {
			return "a stream ends by " + code.String()
		}
	}
	return ""
}
