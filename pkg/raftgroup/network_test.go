package raftgroup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"teahouse/pkg/versions"
)

func TestHandshakeRefusals(t *testing.T) {
	c := newCluster(t, 2, false, nil)
	self, other := c.nodes[0], c.nodes[1]
	good := self.host.net.cred
	addr, _ := c.resolve(other.id)
	for _, tt := range []struct {
		name   string
		change func(*credentials)
		to     ServerID
		want   error
	}{
		{"good", func(*credentials) {}, other.id, nil},
		{"cluster", func(c *credentials) { c.cluster = "another" }, other.id, ErrWrongCluster},
		{"secret", func(c *credentials) { c.secret = []byte("fedcba9876543210") }, other.id, ErrWrongSecret},
		{"server", func(*credentials) {}, "somebody else", ErrWrongServer},
	} {
		cred := good
		tt.change(&cred)
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := cred.dial(nc, tt.to); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
		nc.Close()
	}
}

// An acceptor must refuse a dialer that does not know the secret.
func TestDialerMustProve(t *testing.T) {
	c := newCluster(t, 1, false, nil)
	nd := c.nodes[0]
	addr, _ := c.resolve(nd.id)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// The dialer's own check would end the handshake here, so its part is done by hand.
	b := append([]byte(handshakeMagic), 1)
	for _, s := range []string{"test", "liar", string(nd.id), string(make([]byte, nonceLen))} {
		b = appendBytes(b, []byte(s))
	}
	if err := writeHello(nc, b); err != nil {
		t.Fatal(err)
	}
	if _, err := readHello(nc); err != nil {
		t.Fatal(err)
	}
	if err := writeHello(nc, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	nc.SetReadDeadline(time.Now().Add(testTimeout))
	if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after a wrong proof: %v, want the end of the connection", err)
	}
	if nd.host.net.incoming("liar") != nil || nd.host.net.refusals.Load() != 1 {
		t.Error("the liar was taken, or not counted")
	}
}

func TestGarbage(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	c.propose(1, "before")
	nd := c.nodes[0]
	addr, _ := c.resolve(nd.id)
	for _, b := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x04THRX", "\x00\x05THRG\x01", "\xff\xff", "\x00\x06THRG\x01\xff"} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte(b)); err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(testTimeout))
		if n, err := nc.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q was answered with %d bytes, %v", b, n, err)
		}
		nc.Close()
	}
	// After the handshake: a peer that violates the protocol loses its connection, and nothing else
	// happens.
	head := func(n uint32, kind byte) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, n), kind)
		return append(b, make([]byte, headLen-1)...)
	}
	for name, b := range map[string][]byte{
		"oversize": head(maxFrame+1, kindAppend), "undersize": head(headLen-1, kindAppend),
		"kind": head(headLen, 99), "body": head(headLen, kindAppend),
	} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		cred := nd.host.net.cred
		cred.self = "mallory"
		if _, _, err := cred.dial(nc, nd.id); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		nc.SetReadDeadline(time.Now().Add(testTimeout))
		if _, err := nc.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !isReset(err) {
			t.Errorf("%s: %v, want the end of the connection", name, err)
		}
		nc.Close()
	}
	c.propose(1, "after")
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// A peer that comes back is used at once, although raft's own pauses have become long by then.
func TestPeerComesBack(t *testing.T) {
	c := newCluster(t, 3, false, nil)
	c.startAll(1)
	leader := c.leader(1)
	follower := c.nodes[0]
	if follower == leader {
		follower = c.nodes[1]
	}
	follower.kill()
	c.fill(1, "a", 200)
	follower.open()
	start := time.Now()
	follower.start(1, nil)
	follower.machines[1].await(t, 200)
	if d := time.Since(start); d > testTimeout/10 {
		t.Errorf("level after %v", d)
	}
}

func TestCodec(t *testing.T) {
	req := &raft.AppendEntriesRequest{
		Term: 7, PrevLogEntry: 41, PrevLogTerm: 6, LeaderCommitIndex: 43,
		Entries: []*raft.Log{
			{Index: 42, Term: 6, Type: raft.LogCommand, Data: []byte("a"), Extensions: []byte("e"), AppendedAt: time.Unix(1, 2)},
			{Index: 43, Term: 7, Type: raft.LogNoop, Data: []byte{}},
		},
	}
	for _, tt := range []struct{ in, out message }{
		{appendMsg{req}, appendMsg{&raft.AppendEntriesRequest{}}},
		{appendReply{&raft.AppendEntriesResponse{Term: 1, LastLog: 2, NoRetryBackoff: true}}, appendReply{&raft.AppendEntriesResponse{}}},
		{voteMsg{&raft.RequestVoteRequest{Term: 1, LastLogIndex: 2, LastLogTerm: 3, LeadershipTransfer: true}}, voteMsg{&raft.RequestVoteRequest{}}},
		{voteReply{&raft.RequestVoteResponse{Term: 1, Granted: true}}, voteReply{&raft.RequestVoteResponse{}}},
		{preVoteMsg{&raft.RequestPreVoteRequest{Term: 1, LastLogIndex: 2, LastLogTerm: 3}}, preVoteMsg{&raft.RequestPreVoteRequest{}}},
		{preVoteReply{&raft.RequestPreVoteResponse{Term: 1, Granted: true}}, preVoteReply{&raft.RequestPreVoteResponse{}}},
		{snapshotMsg{&raft.InstallSnapshotRequest{SnapshotVersion: 1, Term: 2, LastLogIndex: 3, LastLogTerm: 4, ConfigurationIndex: 5, Size: 6, Configuration: []byte("c")}}, snapshotMsg{&raft.InstallSnapshotRequest{}}},
		{snapshotReply{&raft.InstallSnapshotResponse{Term: 1, Success: true}}, snapshotReply{&raft.InstallSnapshotResponse{}}},
		{&chunkMsg{stream: 1, last: true, data: []byte("d")}, &chunkMsg{}},
		{&positionMsg{lost: "x", term: 3}, &positionMsg{}},
		{&position{term: 1, lastTerm: 2, lastIndex: 3}, &position{}},
	} {
		if err := decodeBody(tt.in.append(nil), tt.out); err != nil {
			t.Errorf("%T: %v", tt.in, err)
		}
		if !reflect.DeepEqual(tt.in, tt.out) {
			t.Errorf("%T came back as %+v, want %+v", tt.in, tt.out, tt.in)
		}
	}
}

// The commit index of a request never exceeds the entries that the request checks or brings, and a request
// that is too large is cut, not refused.
func TestAppendBounds(t *testing.T) {
	req := &raft.AppendEntriesRequest{Term: 1, PrevLogEntry: 10, LeaderCommitIndex: 99}
	for i := range uint64(5) {
		req.Entries = append(req.Entries, &raft.Log{Index: 11 + i, Data: make([]byte, maxAppendBytes/2)})
	}
	if err := cutAppend(req); err != nil || len(req.Entries) != 2 {
		t.Fatalf("%d entries left, %v, want 2", len(req.Entries), err)
	}
	b := appendMsg{req}.append(nil)
	if headLen+len(b) > maxFrame {
		t.Errorf("frame of %d bytes", len(b))
	}
	var got raft.AppendEntriesRequest
	if err := decodeBody(b, appendMsg{&got}); err != nil || got.LeaderCommitIndex != 12 {
		t.Errorf("commit index %d, %v, want 12", got.LeaderCommitIndex, err)
	}
	req.Entries[1].Index++
	if cutAppend(req) == nil {
		t.Error("entries with a hole were accepted")
	}
}

// FuzzFrame gives a connection's reader arbitrary bytes: it must end with an error and not crash.
func FuzzFrame(f *testing.F) {
	seed := &conn{wake: make(chan struct{}, 1)}
	seed.send(kindAppend, 1, 2, appendMsg{&raft.AppendEntriesRequest{Term: 1, Entries: []*raft.Log{{Index: 1, Data: []byte("x")}}}})
	seed.send(kindSnapshotChunk, 1, 3, &chunkMsg{stream: 2, data: []byte("chunk")})
	seed.send(kindPosition, 1, 4, &positionMsg{lost: "n"})
	seed.reply(frame{kind: kindVote, group: 1, id: 5}, voteReply{&raft.RequestVoteResponse{Term: 3}}, nil)
	f.Add(seed.queue)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := newConn(nil, bufioReader(b), "peer")
		for {
			fr, err := c.read()
			if err != nil {
				return
			}
			for _, m := range []message{
				appendMsg{&raft.AppendEntriesRequest{}}, appendReply{&raft.AppendEntriesResponse{}},
				voteMsg{&raft.RequestVoteRequest{}}, snapshotMsg{&raft.InstallSnapshotRequest{}},
				&chunkMsg{}, &positionMsg{}, &position{},
			} {
				if decodeBody(fr.body, m) != nil {
					continue
				}
				// A message that was decoded can be encoded and decoded again.
				if err := decodeBody(m.append(nil), m); err != nil {
					t.Errorf("%T: %v", m, err)
				}
			}
		}
	})
}

func FuzzHello(f *testing.F) {
	f.Add([]byte("\x00\x05THRG\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		msg, err := readHello(bytes.NewReader(b))
		if err != nil {
			return
		}
		if h, err := parseHello(msg); err == nil && (h.from == "" || len(h.nonce) != nonceLen) {
			t.Errorf("%q was taken for %+v", msg, h)
		}
	})
}

func bufioReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

// The highest version in common is chosen, and the handshake fails if somebody in between has removed one;
// if there is none in common, both sides' errors name both ranges.
func TestVersionsAreNegotiated(t *testing.T) {
	for _, tt := range []struct {
		dialer, acceptor versions.Range
		want             uint32 // 0 = refused
	}{
		{onlyFirst, onlyFirst, 1},
		{versions.Range{Min: 1, Max: 3}, onlyFirst, 1},
		{onlyFirst, versions.Range{Min: 1, Max: 3}, 1},
		{versions.Range{Min: 2, Max: 4}, versions.Range{Min: 1, Max: 3}, 3},
		{versions.Range{Min: 1, Max: 2}, versions.Range{Min: 3, Max: 5}, 0},
		{versions.Range{Min: 3, Max: 5}, versions.Range{Min: 1, Max: 2}, 0},
	} {
		cred := credentials{cluster: "c", secret: []byte("0123456789abcdef")}
		d, a := cred, cred
		d.self, d.speaks = "the-dialer", tt.dialer
		a.self, a.speaks = "the-acceptor", tt.acceptor
		one, other := net.Pipe()
		type end struct {
			version uint32
			err     error
		}
		accepted := make(chan end, 1)
		go func() {
			_, _, v, err := a.accept(other)
			accepted <- end{v, err}
		}()
		_, v, err := d.dial(one, "the-acceptor")
		for side, e := range map[string]end{"dialer": {v, err}, "acceptor": <-accepted} {
			if tt.want != 0 {
				if e.err != nil || e.version != tt.want {
					t.Errorf("%v to %v: the %s has %d, %v, want %d", tt.dialer, tt.acceptor, side, e.version, e.err, tt.want)
				}
				continue
			}
			for _, part := range []string{"the-dialer", "the-acceptor", tt.dialer.String(), tt.acceptor.String()} {
				if !errors.Is(e.err, ErrWrongVersion) || !strings.Contains(e.err.Error(), part) {
					t.Errorf("%v to %v: the %s says %v, not %q", tt.dialer, tt.acceptor, side, e.err, part)
				}
			}
		}
		one.Close()
		other.Close()
	}
	cred := credentials{self: "a", cluster: "c", secret: []byte("0123456789abcdef")}
	h := hello{cluster: "c", from: "a", to: "b", nonce: make([]byte, nonceLen), speaks: versions.Range{Min: 1, Max: 2}}
	less := h
	less.speaks = onlyFirst
	nonce := make([]byte, nonceLen)
	if hmac.Equal(cred.mac("dialer", h, nonce, onlyFirst), cred.mac("dialer", less, nonce, onlyFirst)) ||
		hmac.Equal(cred.mac("dialer", h, nonce, onlyFirst), cred.mac("dialer", h, nonce, h.speaks)) {
		t.Error("a mac does not cover what a side speaks")
	}
}
