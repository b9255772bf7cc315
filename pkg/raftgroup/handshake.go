package raftgroup

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"teahouse/pkg/versions"
)

// The handshake. Each message is length(2) and a body; strings carry a uvarint length.
//
//	dialer   → magic "THRG" lowest(1) cluster from to nonce(32) [highest(1)]
//	acceptor → code(1) and, if it is 0, nonce(32) mac(32) [lowest(1) highest(1)]; else a text
//	dialer   → mac(32)
//
// Lowest and highest are the protocol versions that a side speaks; the highest one in common is used. A
// side that speaks only version 1 omits the parts in brackets.
//
// Both macs are HMAC-SHA256 with the cluster secret over a role, the cluster id, both server ids, both
// nonces and the version ranges. So each side knows that the other holds the secret, and that nobody
// replays an old handshake or has changed this one.
const (
	handshakeMagic   = "THRG"
	handshakeTimeout = time.Second
	maxHello         = 1 << 10
	nonceLen         = 32

	helloOK           = 0
	helloWrongCluster = 1
	helloWrongServer  = 2
	helloVersion      = 3
)

var errHandshake = errors.New("raftgroup: malformed handshake")

// credentials are what a server presents and checks in a handshake.
type credentials struct {
	self    ServerID
	cluster string
	secret  []byte
	speaks  versions.Range // versions of this protocol
}

type hello struct {
	cluster  string
	from, to ServerID
	nonce    []byte
	speaks   versions.Range // the dialer's
}

// onlyFirst is the range of a side that sends none.
var onlyFirst = versions.Range{Min: 1, Max: 1}

// macRange returns what a mac covers of a side's version range: nothing if the side sends none, because
// older binaries do not know ranges and must compute the same mac.
func macRange(r versions.Range) []byte {
	if r == onlyFirst {
		return nil
	}
	return []byte{byte(r.Min), byte(r.Max)}
}

func (c credentials) mac(role string, h hello, answer []byte, acceptor versions.Range) []byte {
	m := hmac.New(sha256.New, c.secret)
	var b []byte
	answer = append(answer[:len(answer):len(answer)], macRange(acceptor)...)
	for _, part := range [][]byte{append([]byte(handshakeMagic), macRange(h.speaks)...), []byte(role), []byte(h.cluster), []byte(h.from), []byte(h.to), h.nonce, answer} {
		b = appendBytes(b, part)
	}
	m.Write(b)
	return m.Sum(nil)
}

// dial does the dialer's part. It returns a reader for what follows, and the version to speak.
func (c credentials) dial(nc net.Conn, to ServerID) (*bufio.Reader, uint32, error) {
	nc.SetDeadline(time.Now().Add(handshakeTimeout))
	defer nc.SetDeadline(time.Time{})
	h := hello{cluster: c.cluster, from: c.self, to: to, nonce: newNonce(), speaks: c.speaks}
	b := append([]byte(handshakeMagic), byte(c.speaks.Min))
	b = appendBytes(b, []byte(h.cluster))
	b = appendBytes(b, []byte(h.from))
	b = appendBytes(b, []byte(h.to))
	b = appendBytes(b, h.nonce)
	if c.speaks != onlyFirst {
		b = append(b, byte(c.speaks.Max))
	}
	if err := writeHello(nc, b); err != nil {
		return nil, 0, err
	}
	br := bufio.NewReaderSize(nc, 64<<10)
	b, err := readHello(br)
	if err != nil {
		return nil, 0, err
	}
	r := bodyReader{b: b}
	switch code := r.byte(); code {
	case helloOK:
	case helloWrongCluster:
		return nil, 0, fmt.Errorf("%w: %q", ErrWrongCluster, r.b)
	case helloWrongServer:
		return nil, 0, fmt.Errorf("%w: %q", ErrWrongServer, r.b)
	case helloVersion:
		return nil, 0, fmt.Errorf("%w: %q", ErrWrongVersion, r.b)
	default:
		return nil, 0, fmt.Errorf("raftgroup: peer refuses the handshake with code %d: %q", code, r.b)
	}
	nonce, mac := r.bytes(), r.bytes()
	theirs := onlyFirst
	if len(r.b) > 0 {
		theirs = versions.Range{Min: uint32(r.byte()), Max: uint32(r.byte())}
	}
	if r.bad || len(nonce) != nonceLen {
		return nil, 0, errHandshake
	}
	if !hmac.Equal(mac, c.mac("acceptor", h, nonce, theirs)) {
		return nil, 0, ErrWrongSecret
	}
	version, ok := versions.Common(c.speaks, theirs)
	if !ok { // the acceptor should have refused
		return nil, 0, fmt.Errorf("%w: %s", ErrWrongVersion, disjoint(c.self, c.speaks, to, theirs))
	}
	return br, version, writeHello(nc, c.mac("dialer", h, nonce, theirs))
}

// disjoint says why two sides have no version in common.
func disjoint(a ServerID, ours versions.Range, b ServerID, theirs versions.Range) string {
	return fmt.Sprintf("%s speaks %v, %s speaks %v", a, ours, b, theirs)
}

// accept does the acceptor's part. It returns the dialer's id, a reader for what follows, and the version
// to speak.
func (c credentials) accept(nc net.Conn) (ServerID, *bufio.Reader, uint32, error) {
	nc.SetDeadline(time.Now().Add(handshakeTimeout))
	defer nc.SetDeadline(time.Time{})
	br := bufio.NewReaderSize(nc, 64<<10)
	b, err := readHello(br)
	if err != nil {
		return "", nil, 0, err
	}
	h, err := parseHello(b)
	if err != nil {
		return "", nil, 0, err
	}
	version, common := versions.Common(c.speaks, h.speaks)
	refuse := func(code byte, text string, err error) (ServerID, *bufio.Reader, uint32, error) {
		return "", nil, 0, errors.Join(err, writeHello(nc, append([]byte{code}, text...)))
	}
	switch {
	case !common:
		why := disjoint(c.self, c.speaks, h.from, h.speaks)
		return refuse(helloVersion, why, fmt.Errorf("%w: %s", ErrWrongVersion, why))
	case h.cluster != c.cluster:
		return refuse(helloWrongCluster, c.cluster, fmt.Errorf("%w: %q", ErrWrongCluster, h.cluster))
	case h.to != c.self:
		return refuse(helloWrongServer, string(c.self), fmt.Errorf("%w: it wants %q", ErrWrongServer, h.to))
	}
	nonce := newNonce()
	b = appendBytes([]byte{helloOK}, nonce)
	b = appendBytes(b, c.mac("acceptor", h, nonce, c.speaks))
	b = append(b, macRange(c.speaks)...)
	if err := writeHello(nc, b); err != nil {
		return "", nil, 0, err
	}
	mac, err := readHello(br)
	if err != nil {
		return "", nil, 0, err
	}
	if !hmac.Equal(mac, c.mac("dialer", h, nonce, c.speaks)) {
		return "", nil, 0, ErrWrongSecret
	}
	return h.from, br, version, nil
}

// parseHello parses the dialer's first message; it does not check the versions.
func parseHello(b []byte) (hello, error) {
	n := len(handshakeMagic)
	if len(b) < n+1 || string(b[:n]) != handshakeMagic {
		return hello{}, errHandshake
	}
	r := bodyReader{b: b[n+1:]}
	h := hello{cluster: string(r.bytes()), from: ServerID(r.bytes()), to: ServerID(r.bytes()), nonce: r.bytes()}
	h.speaks = versions.Range{Min: uint32(b[n]), Max: uint32(b[n])}
	if len(r.b) > 0 {
		h.speaks.Max = uint32(r.byte())
	}
	if r.bad || h.from == "" || len(h.from) > maxName || len(h.nonce) != nonceLen {
		return hello{}, errHandshake
	}
	return h, nil
}

func writeHello(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

func readHello(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(head[:])
	if n > maxHello {
		return nil, fmt.Errorf("%w: %d bytes", errHandshake, n)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

func newNonce() []byte {
	b := make([]byte, nonceLen)
	rand.Read(b) // never fails
	return b
}
