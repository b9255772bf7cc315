package host

import (
	"sync"

	"teahouse/pkg/raftgroup"
	"teahouse/registry"
)

// Keys of registry.Instance.Meta that nodes register with.
const (
	metaServer  = "server"  // Raft server id
	metaZone    = "zone"    // failure domain
	metaCluster = "cluster" // cluster id, once it is born
)

// directory remembers where nodes were last seen. An instance that leaves the
// registry stays known: the registry proposes, it takes nothing away.
type directory struct {
	mu    sync.Mutex
	links map[string]string             // node name → link address
	rafts map[raftgroup.ServerID]string // server → Raft address
	names map[raftgroup.ServerID]string // server → node name
}

func newDirectory() *directory {
	return &directory{
		links: make(map[string]string),
		rafts: make(map[raftgroup.ServerID]string),
		names: make(map[raftgroup.ServerID]string),
	}
}

// learn takes in a snapshot and returns a copy of the link addresses.
func (d *directory) learn(s registry.Snapshot) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range s.Instances {
		server := raftgroup.ServerID(i.Meta[metaServer])
		d.links[i.Name] = i.LinkAddr
		d.rafts[server] = i.RaftAddr
		d.names[server] = i.Name
	}
	links := make(map[string]string, len(d.links))
	for name, addr := range d.links {
		links[name] = addr
	}
	return links
}

// name is the node on a server, or "".
func (d *directory) name(id raftgroup.ServerID) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[id]
}

func (d *directory) raft(id raftgroup.ServerID) (addr string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	addr, ok = d.rafts[id]
	return addr, ok
}
