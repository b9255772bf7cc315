package link

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// readBuffer is the most that one read takes, unless a frame is longer.
const readBuffer = 64 << 10

// Field numbers of linkpb.Frame. A frame on a link is exactly one of these fields; encoding it by
// hand saves the wrapping messages on the path of every push.
const (
	kindPing          protowire.Number = 3
	kindRequest       protowire.Number = 5
	kindResponse      protowire.Number = 6
	kindPush          protowire.Number = 7
	kindAnnounce      protowire.Number = 8
	kindMembers       protowire.Number = 9
	kindSessionClosed protowire.Number = 10
)

// dispatch decodes one frame and passes it on. An error ends the link.
func (c *Conn) dispatch(body []byte) error {
	kind, inner, err := splitFrame(body)
	if err != nil {
		return err
	}
	switch kind {
	case kindPing:
		return nil
	case kindResponse:
		return c.response(inner)
	case kindRequest:
		return handle(c, inner, new(linkpb.Request), c.request)
	case kindPush:
		return handle(c, inner, new(linkpb.Push), c.handler.Push)
	case kindAnnounce:
		return handle(c, inner, new(linkpb.Announce), c.handler.Announce)
	case kindMembers:
		return handle(c, inner, new(linkpb.Members), c.handler.Members)
	case kindSessionClosed:
		return handle(c, inner, new(linkpb.SessionClosed), c.handler.SessionClosed)
	}
	c.ignored.Add(1) // from a newer peer
	return nil
}

// splitFrame extracts the one field from an encoded linkpb.Frame.
func splitFrame(body []byte) (protowire.Number, []byte, error) {
	kind, typ, n := protowire.ConsumeTag(body)
	if n < 0 || typ != protowire.BytesType {
		return 0, nil, fmt.Errorf("link: not a frame: %w", protowire.ParseError(min(n, -1)))
	}
	inner, m := protowire.ConsumeBytes(body[n:])
	if m < 0 {
		return 0, nil, fmt.Errorf("link: not a frame: %w", protowire.ParseError(m))
	}
	if n+m != len(body) {
		return 0, nil, fmt.Errorf("link: not a frame: %d bytes behind its field", len(body)-n-m)
	}
	return kind, inner, nil
}

func handle[M proto.Message](c *Conn, inner []byte, m M, wanted func(*Conn, M)) error {
	if wanted == nil {
		c.ignored.Add(1)
		return nil
	}
	if err := proto.Unmarshal(inner, m); err != nil {
		return fmt.Errorf("link: %T: %w", m, err)
	}
	wanted(c, m)
	return nil
}

func (c *Conn) request(_ *Conn, m *linkpb.Request) {
	if c.handler.Request != nil {
		c.handler.Request(c, m)
		return
	}
	c.ignored.Add(1)
	refusal := &linkpb.Response{Code: wirepb.Code_UNKNOWN_METHOD, Detail: "this peer takes no requests"}
	if err := c.Respond(m.Id, refusal); err != nil {
		c.end(fmt.Errorf("%w: %w", ErrBroken, err))
	}
}

func (c *Conn) response(inner []byte) error {
	m := new(linkpb.Response)
	if err := proto.Unmarshal(inner, m); err != nil {
		return fmt.Errorf("link: %T: %w", m, err)
	}
	if done := c.calls.remove(m.Id); done != nil {
		done(m, nil)
	} else {
		c.ignored.Add(1) // the caller has dropped the call
	}
	return nil
}
