package link

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire"
)

const nonceLen = 32

// The direction is part of a mac, so that a proof cannot be sent back as one's own.
const (
	fromDialer   = "dialer"
	fromAcceptor = "acceptor"
)

// secretMismatch is all that a peer with a wrong proof is told.
const secretMismatch = "the proof is wrong: other cluster secret?"

// handshake is one run of it, over a connection with a deadline.
type handshake struct {
	cfg  Config
	nc   net.Conn
	in   *wire.Reader
	mine *linkpb.Challenge
}

func newHandshake(cfg Config, nc net.Conn, in *wire.Reader) *handshake {
	nonce := make([]byte, nonceLen)
	rand.Read(nonce) // never fails
	return &handshake{cfg: cfg, nc: nc, in: in, mine: &linkpb.Challenge{
		Version: cfg.Versions.Min, Newest: newest(cfg.Versions), Cluster: cfg.Cluster, Name: cfg.Name, Role: cfg.Role, Nonce: nonce,
	}}
}

// run runs step under the handshake's deadline and ctx.
func (h *handshake) run(ctx context.Context, step func() (Peer, error)) (Peer, error) {
	if err := h.nc.SetDeadline(time.Now().Add(h.cfg.HandshakeTimeout)); err != nil {
		return Peer{}, err
	}
	stop := context.AfterFunc(ctx, func() { h.nc.SetDeadline(time.Unix(1, 0)) })
	peer, err := step()
	if !stop() {
		return Peer{}, errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return Peer{}, err
	}
	return peer, h.nc.SetDeadline(time.Time{})
}

// dial is the dialer's side. want is the name that the peer must have, if not empty.
func (h *handshake) dial(want string) (Peer, error) {
	if err := h.send(&linkpb.Frame{Body: &linkpb.Frame_Challenge{Challenge: h.mine}}); err != nil {
		return Peer{}, err
	}
	theirs, err := h.challenge()
	if err != nil {
		return Peer{}, err
	}
	if want != "" && theirs.Name != want {
		return Peer{}, fmt.Errorf("%w: %.*q answered instead of %q", ErrRefused, maxName, theirs.Name, want)
	}
	if why := h.objection(theirs); why != "" {
		return Peer{}, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	if err := h.prove(mac(h.cfg.Secret, fromDialer, h.mine, theirs)); err != nil {
		return Peer{}, err
	}
	if err := h.check(mac(h.cfg.Secret, fromAcceptor, h.mine, theirs)); err != nil {
		return Peer{}, err
	}
	return h.peer(theirs), nil
}

// accept is the acceptor's side. It says why it refuses, as far as a stranger may know.
func (h *handshake) accept() (Peer, error) {
	theirs, err := h.challenge()
	if err != nil {
		return Peer{}, err
	}
	if why := h.objection(theirs); why != "" {
		return Peer{}, h.refuse(why)
	}
	if err := h.send(&linkpb.Frame{Body: &linkpb.Frame_Challenge{Challenge: h.mine}}); err != nil {
		return Peer{}, err
	}
	if err := h.check(mac(h.cfg.Secret, fromDialer, theirs, h.mine)); err != nil {
		if errors.Is(err, ErrRefused) {
			return Peer{}, h.refuse(secretMismatch)
		}
		return Peer{}, err
	}
	if err := h.prove(mac(h.cfg.Secret, fromAcceptor, theirs, h.mine)); err != nil {
		return Peer{}, err
	}
	return h.peer(theirs), nil
}

func (h *handshake) peer(theirs *linkpb.Challenge) Peer {
	version, _ := versions.Common(h.cfg.Versions, spoken(theirs)) // there is one: see objection
	return Peer{Name: theirs.Name, Role: theirs.Role, Addr: h.nc.RemoteAddr().String(), Version: version}
}

// newest is Challenge.newest.
func newest(r versions.Range) uint32 {
	if r.Max == r.Min {
		return 0
	}
	return r.Max
}

// spoken is the range of versions that a challenge names.
func spoken(c *linkpb.Challenge) versions.Range {
	return versions.Range{Min: c.Version, Max: max(c.Version, c.Newest)}
}

// objection is why theirs is not acceptable, or "".
func (h *handshake) objection(theirs *linkpb.Challenge) string {
	_, common := versions.Common(h.cfg.Versions, spoken(theirs))
	switch {
	case !common:
		return fmt.Sprintf("no link version in common: %q speaks %v, %.*q speaks %v",
			h.cfg.Name, h.cfg.Versions, maxName, theirs.Name, spoken(theirs))
	case theirs.Cluster != h.cfg.Cluster:
		return "another cluster"
	case !validName(theirs.Name) || !validRole(theirs.Role):
		return "no valid name or role"
	case theirs.Name == h.cfg.Name:
		return "a process with the same name"
	case len(theirs.Nonce) != nonceLen:
		return "no valid nonce"
	}
	return ""
}

func (h *handshake) challenge() (*linkpb.Challenge, error) {
	f, err := h.next()
	if err != nil {
		return nil, err
	}
	if f.GetChallenge() == nil {
		return nil, fmt.Errorf("%w: the peer speaks another protocol", ErrRefused)
	}
	return f.GetChallenge(), nil
}

// check reads the peer's proof and compares it.
func (h *handshake) check(want []byte) error {
	f, err := h.next()
	if err != nil {
		return err
	}
	if !hmac.Equal(f.GetProof().GetMac(), want) {
		return fmt.Errorf("%w: %s", ErrRefused, secretMismatch)
	}
	return nil
}

func (h *handshake) prove(mac []byte) error {
	return h.send(&linkpb.Frame{Body: &linkpb.Frame_Proof{Proof: &linkpb.Proof{Mac: mac}}})
}

func (h *handshake) refuse(why string) error {
	err := h.send(&linkpb.Frame{Body: &linkpb.Frame_Proof{Proof: &linkpb.Proof{Refused: why}}})
	return errors.Join(fmt.Errorf("%w: %s", ErrRefused, why), err)
}

// next reads one frame. A refusal by the peer comes back as an error.
func (h *handshake) next() (*linkpb.Frame, error) {
	body, err := h.in.Next()
	if err != nil {
		return nil, fmt.Errorf("link: handshake: %w", err)
	}
	f := new(linkpb.Frame)
	if err := proto.Unmarshal(body, f); err != nil {
		return nil, fmt.Errorf("%w: the peer speaks another protocol: %w", ErrRefused, err)
	}
	if why := f.GetProof().GetRefused(); why != "" {
		return nil, fmt.Errorf("%w by the peer: %.200q", ErrRefused, why)
	}
	return f, nil
}

func (h *handshake) send(f *linkpb.Frame) error {
	buf, err := wire.AppendFrame(nil, f)
	if err != nil {
		return err
	}
	if _, err := h.nc.Write(buf); err != nil {
		return fmt.Errorf("link: handshake: %w", err)
	}
	return nil
}

// mac proves the secret for one direction of one handshake. Each part goes in
// with its length, so no two different handshakes give the same input.
func mac(secret []byte, direction string, dialer, acceptor *linkpb.Challenge) []byte {
	h := hmac.New(sha256.New, secret)
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		h.Write(b)
	}
	part([]byte("teahouse link"))
	part([]byte(direction))
	for _, c := range []*linkpb.Challenge{dialer, acceptor} {
		spoken := binary.BigEndian.AppendUint32(nil, c.Version)
		if c.Newest != 0 {
			spoken = binary.BigEndian.AppendUint32(spoken, c.Newest)
		}
		part(spoken)
		part([]byte(c.Cluster))
		part([]byte(c.Name))
		part([]byte(c.Role))
		part(c.Nonce)
	}
	return h.Sum(nil)
}
