package systest

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// verdict decides about the answer to a COMMIT of process pid, which the server
// has given and the client has not heard yet. It may take its time; false means
// that the connection breaks instead.
type verdict func(pid int) (deliver bool)

// commitProxy stands between MySQL clients and a server. It understands just
// enough of the protocol to find COMMITs, and who sends them.
type commitProxy struct {
	listener net.Listener
	server   string // Unix socket
	verdict  atomic.Pointer[verdict]
	running  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once the proxy is closed
}

func startCommitProxy(t *testing.T, server string) *commitProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &commitProxy{listener: l, server: server, conns: make(map[net.Conn]bool)}
	p.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(p.close)
	return p
}

func (p *commitProxy) dsn(database string) string {
	return "mysql:root@tcp(" + p.listener.Addr().String() + ")/" + database
}

func (p *commitProxy) decide(v verdict) { p.verdict.Store(&v) }

func (p *commitProxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.running.Wait()
}

// keep makes sure that close closes c.
func (p *commitProxy) keep(c net.Conn) (kept bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return false
	}
	p.conns[c] = true
	return true
}

func (p *commitProxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(client) || !p.keep(server) {
		return
	}
	var pid atomic.Int64
	var committing atomic.Bool
	p.running.Go(func() {
		// A connection that one side closes is over for the other.
		defer client.Close()
		defer server.Close()
		for first := true; ; first = false {
			packet, err := readPacket(client)
			if err != nil {
				return
			}
			if first {
				pid.Store(int64(pidOf(packet)))
			}
			if bytes.EqualFold(packet[header:], append([]byte{comQuery}, "COMMIT"...)) {
				committing.Store(true) // nothing is under way: a client waits for each answer
			}
			if _, err := server.Write(packet); err != nil {
				return
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if committing.Swap(false) {
			if v := p.verdict.Load(); v != nil && !(*v)(int(pid.Load())) {
				return
			}
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

const (
	header   = 4 // length (3, little-endian) and number (1) of a packet
	comQuery = 3
)

// readPacket returns a packet with its header.
func readPacket(r io.Reader) ([]byte, error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(append(head[:3:3], 0)))
	packet := make([]byte, header+size)
	copy(packet, head[:])
	_, err := io.ReadFull(r, packet[header:])
	return packet, err
}

// pidOf is the process id among the attributes of a client's first packet, or 0.
func pidOf(packet []byte) int {
	const key = "\x04_pid" // behind its length
	at := bytes.Index(packet, []byte(key))
	if at < 0 {
		return 0
	}
	value := packet[at+len(key):]
	if len(value) == 0 || len(value) <= int(value[0]) {
		return 0
	}
	pid, _ := strconv.Atoi(string(value[1 : 1+value[0]]))
	return pid
}
