package host

import (
	"sync"

	"teahouse/pkg/raftgroup"
	"teahouse/registry"
)

// Keys in the registry.Instance.Meta of nodes.
const (
	metaServer  = "server"  // Raft server id
	metaZone    = "zone"    // failure domain
	metaCluster = "cluster" // cluster id, once it has started
	metaLevel   = "level"   // the highest cluster level that the binary knows
)

// directory remembers the nodes' last known addresses. An instance that disappears from the registry stays
// known, because it may still run while the registry is wrong or empty.
type directory struct {
	mu    sync.Mutex
	links map[string]string             // node name → link address
	rafts map[raftgroup.ServerID]string // server → Raft address
}

func newDirectory() *directory {
	return &directory{
		links: make(map[string]string),
		rafts: make(map[raftgroup.ServerID]string),
	}
}

// learn adds the addresses in a snapshot and returns a copy of all link addresses.
func (d *directory) learn(s registry.Snapshot) map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range s.Instances {
		d.links[i.Name] = i.LinkAddr
		d.rafts[raftgroup.ServerID(i.Meta[metaServer])] = i.RaftAddr
	}
	links := make(map[string]string, len(d.links))
	for name, addr := range d.links {
		links[name] = addr
	}
	return links
}

func (d *directory) raft(id raftgroup.ServerID) (addr string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	addr, ok = d.rafts[id]
	return addr, ok
}
