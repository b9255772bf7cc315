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
)

// The handshake. Each message is length(2) and a body; strings carry a uvarint length.
//
//	dialer   → magic "THRG" version(1) cluster from to nonce(32)
//	acceptor → code(1) and, if it is 0, nonce(32) mac(32); else a text
//	dialer   → mac(32)
//
// Both macs are HMAC-SHA256 with the cluster secret over a role, the cluster
// id, both server ids and both nonces, so each side knows that the other one
// holds the secret and means this very connection.
const (
	handshakeMagic   = "THRG"
	handshakeVersion = 1
	handshakeTimeout = time.Second
	maxHello         = 1 << 10
	nonceLen         = 32

	helloOK           = 0
	helloWrongCluster = 1
	helloWrongServer  = 2
	helloVersion      = 3
)

var errHandshake = errors.New("raftgroup: malformed handshake")

// credentials are what a server shows and demands in a handshake.
type credentials struct {
	self    ServerID
	cluster string
	secret  []byte
}

type hello struct {
	cluster  string
	from, to ServerID
	nonce    []byte
}

func (c credentials) mac(role string, h hello, answer []byte) []byte {
	m := hmac.New(sha256.New, c.secret)
	var b []byte
	for _, part := range [][]byte{[]byte(handshakeMagic), []byte(role), []byte(h.cluster), []byte(h.from), []byte(h.to), h.nonce, answer} {
		b = appendBytes(b, part)
	}
	m.Write(b)
	return m.Sum(nil)
}

// dial does the dialer's part and returns a reader for what follows.
func (c credentials) dial(nc net.Conn, to ServerID) (*bufio.Reader, error) {
	nc.SetDeadline(time.Now().Add(handshakeTimeout))
	defer nc.SetDeadline(time.Time{})
	h := hello{cluster: c.cluster, from: c.self, to: to, nonce: newNonce()}
	b := append([]byte(handshakeMagic), handshakeVersion)
	b = appendBytes(b, []byte(h.cluster))
	b = appendBytes(b, []byte(h.from))
	b = appendBytes(b, []byte(h.to))
	b = appendBytes(b, h.nonce)
	if err := writeHello(nc, b); err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(nc, 64<<10)
	b, err := readHello(br)
	if err != nil {
		return nil, err
	}
	r := bodyReader{b: b}
	switch code := r.byte(); code {
	case helloOK:
	case helloWrongCluster:
		return nil, fmt.Errorf("%w: %q", ErrWrongCluster, r.b)
	case helloWrongServer:
		return nil, fmt.Errorf("%w: %q", ErrWrongServer, r.b)
	default:
		return nil, fmt.Errorf("raftgroup: peer refuses the handshake with code %d: %q", code, r.b)
	}
	nonce, mac := r.bytes(), r.bytes()
	if r.bad || len(nonce) != nonceLen {
		return nil, errHandshake
	}
	if !hmac.Equal(mac, c.mac("acceptor", h, nonce)) {
		return nil, ErrWrongSecret
	}
	return br, writeHello(nc, c.mac("dialer", h, nonce))
}

// accept does the acceptor's part and returns who dialed.
func (c credentials) accept(nc net.Conn) (ServerID, *bufio.Reader, error) {
	nc.SetDeadline(time.Now().Add(handshakeTimeout))
	defer nc.SetDeadline(time.Time{})
	br := bufio.NewReaderSize(nc, 64<<10)
	b, err := readHello(br)
	if err != nil {
		return "", nil, err
	}
	h, err := parseHello(b)
	if err != nil {
		return "", nil, err
	}
	refuse := func(code byte, text string, err error) (ServerID, *bufio.Reader, error) {
		return "", nil, errors.Join(err, writeHello(nc, append([]byte{code}, text...)))
	}
	switch {
	case b[len(handshakeMagic)] != handshakeVersion:
		return refuse(helloVersion, "version 1 is spoken here", errHandshake)
	case h.cluster != c.cluster:
		return refuse(helloWrongCluster, c.cluster, fmt.Errorf("%w: %q", ErrWrongCluster, h.cluster))
	case h.to != c.self:
		return refuse(helloWrongServer, string(c.self), fmt.Errorf("%w: it wants %q", ErrWrongServer, h.to))
	}
	nonce := newNonce()
	b = appendBytes([]byte{helloOK}, nonce)
	b = appendBytes(b, c.mac("acceptor", h, nonce))
	if err := writeHello(nc, b); err != nil {
		return "", nil, err
	}
	mac, err := readHello(br)
	if err != nil {
		return "", nil, err
	}
	if !hmac.Equal(mac, c.mac("dialer", h, nonce)) {
		return "", nil, ErrWrongSecret
	}
	return h.from, br, nil
}

// parseHello checks the form of the dialer's first message, not its version.
func parseHello(b []byte) (hello, error) {
	n := len(handshakeMagic)
	if len(b) < n+1 || string(b[:n]) != handshakeMagic {
		return hello{}, errHandshake
	}
	r := bodyReader{b: b[n+1:]}
	h := hello{cluster: string(r.bytes()), from: ServerID(r.bytes()), to: ServerID(r.bytes()), nonce: r.bytes()}
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
