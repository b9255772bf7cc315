package vectors

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// requestOf reads the payload of a call; nil if it is none.
func requestOf(method string, payload []byte) proto.Message {
	m, known := wire.NewMethods().Lookup(method)
	if !known {
		return nil
	}
	request, err := Decode(string(m.Request.FullName()), payload)
	if err != nil {
		return nil
	}
	return request
}

// sameContents compares two requests of a method, however they are encoded.
func sameContents(method string, a, b []byte) bool {
	x, y := requestOf(method, a), requestOf(method, b)
	return x != nil && y != nil && proto.Equal(x, y)
}

// show is a message in words, with what its payload says.
func show(e *wirepb.Envelope) string {
	c := e.GetCall()
	if c == nil {
		return fmt.Sprint(e)
	}
	return fmt.Sprintf("%s of table %d {%v}", c.Method, c.Table, requestOf(c.Method, c.Payload))
}
