package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// HeaderLen is the size of the length field in bytes.
const HeaderLen = 4

// ErrPartial means that buf does not hold a whole frame yet: read more.
var ErrPartial = errors.New("wire: frame not complete yet")

// FrameTooLong refuses a frame because of its announced length. game.CodeOf finds FRAME_TOO_LONG in
// it.
type FrameTooLong struct {
	Announced uint32 // bytes
	Max       int
}

func (e *FrameTooLong) Error() string {
	return fmt.Sprintf("wire: frame of %d bytes announced, at most %d allowed", e.Announced, e.Max)
}

// Unwrap returns the code for the player.
func (e *FrameTooLong) Unwrap() error {
	return &game.Error{Code: wirepb.Code_FRAME_TOO_LONG, Detail: "announced length beyond the limit"}
}

// FrameLen is the length of the frame at the start of buf, including its header, or ErrPartial
// until the header is complete, or *FrameTooLong. The rest of the frame need not be there.
func FrameLen(buf []byte, maxFrame int) (int, error) {
	if len(buf) < HeaderLen {
		return 0, ErrPartial
	}
	n := binary.BigEndian.Uint32(buf)
	if uint64(n) > uint64(maxFrame) {
		return 0, &FrameTooLong{Announced: n, Max: maxFrame}
	}
	return HeaderLen + int(n), nil
}

// Split splits buf into its first frame's body and what follows; both share memory with buf.
// ErrPartial loses nothing: append more to buf and try again. *FrameTooLong ends the connection.
func Split(buf []byte, maxFrame int) (body, rest []byte, err error) {
	n, err := FrameLen(buf, maxFrame)
	if err != nil {
		return nil, buf, err
	}
	if len(buf) < n {
		return nil, buf, ErrPartial
	}
	return buf[HeaderLen:n:n], buf[n:], nil
}

// AppendFrame appends m as one frame to dst, encoding it in place. On an error it returns dst
// unchanged.
func AppendFrame(dst []byte, m proto.Message) ([]byte, error) {
	start := len(dst)
	out, err := proto.MarshalOptions{}.MarshalAppend(append(dst, 0, 0, 0, 0), m)
	if err != nil {
		return dst, fmt.Errorf("wire: encode frame: %w", err)
	}
	n := len(out) - start - HeaderLen
	if uint64(n) > math.MaxUint32 {
		return dst, &FrameTooLong{Announced: math.MaxUint32, Max: math.MaxUint32}
	}
	binary.BigEndian.PutUint32(out[start:], uint32(n))
	return out, nil
}

// AppendEnvelope is AppendFrame for messages between client and gateway.
func AppendEnvelope(dst []byte, e *wirepb.Envelope) ([]byte, error) {
	return AppendFrame(dst, e)
}

// ParseEnvelope reads the body of a frame. The result shares no memory with body. An error carries
// BAD_FRAME.
func ParseEnvelope(body []byte) (*wirepb.Envelope, error) {
	e := new(wirepb.Envelope)
	if err := proto.Unmarshal(body, e); err != nil {
		return nil, game.Errorf(wirepb.Code_BAD_FRAME, "not an Envelope: %v", err)
	}
	if e.Body == nil {
		return nil, game.Errorf(wirepb.Code_BAD_FRAME, "an Envelope without a known body")
	}
	return e, nil
}

// Reader splits a stream into frames. It is not safe for concurrent use.
type Reader struct {
	src      io.Reader
	maxFrame int
	buf      []byte // buf[r:w] is read and not yet returned
	r, w     int
}

// NewReader reads frames with bodies of up to maxFrame bytes. It reads ahead, up to
// bufSize bytes at a time (at least 512), and grows only for a longer frame.
func NewReader(src io.Reader, maxFrame, bufSize int) *Reader {
	return &Reader{src: src, maxFrame: maxFrame, buf: make([]byte, max(bufSize, 512))}
}

// SetMaxFrame changes the limit for later frames, for instance once the peer has proved its
// identity.
func (r *Reader) SetMaxFrame(n int) { r.maxFrame = n }

// Next returns the next body; it is valid until the following call. io.EOF means that the stream
// ended between two frames, io.ErrUnexpectedEOF inside one.
func (r *Reader) Next() ([]byte, error) {
	for {
		body, _, err := Split(r.buf[r.r:r.w], r.maxFrame)
		if err == nil {
			r.r += HeaderLen + len(body)
			return body, nil
		}
		if !errors.Is(err, ErrPartial) {
			return nil, err
		}
		r.makeRoom()
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		if n > 0 || err == nil {
			continue // the next Read returns the error again
		}
		if errors.Is(err, io.EOF) && r.w > r.r {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
}

// makeRoom makes space after buf[r:w] for at least one byte, and for the whole of a frame whose
// length is known and within the limit.
func (r *Reader) makeRoom() {
	need := r.w - r.r + 1
	if n, err := FrameLen(r.buf[r.r:r.w], r.maxFrame); err == nil {
		need = n
	}
	if r.r+need <= len(r.buf) {
		return
	}
	buf := r.buf
	if need > len(buf) {
		buf = make([]byte, need)
	}
	r.w = copy(buf, r.buf[r.r:r.w])
	r.r, r.buf = 0, buf
}
