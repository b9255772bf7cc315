package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/versions"
	"teahouse/registry"
)

// bornEvery is how often a waiting node checks whether another one has started the cluster.
const bornEvery = 500 * time.Millisecond

// awaitBirth returns the birth record. If there is none yet, it waits for expect nodes in the registry and
// proposes them as the record; the first proposal of all nodes becomes the record.
func awaitBirth(ctx context.Context, births game.Births, nodes <-chan registry.Snapshot, expect int) (game.Birth, error) {
	tick := time.NewTicker(bornEvery)
	defer tick.Stop()
	for {
		birth, err := births.Born(ctx)
		if err == nil || !errors.Is(err, game.ErrNotFound) {
			return birth, err
		}
		select {
		case <-ctx.Done():
			return game.Birth{}, ctx.Err()
		case <-tick.C:
		case snapshot, open := <-nodes:
			if !open {
				return game.Birth{}, registry.ErrClosed
			}
			if voters := candidates(snapshot, expect); voters != nil {
				return births.Bear(ctx, game.Birth{Cluster: rand.Text(), Voters: voters, Created: time.Now()})
			}
		}
	}
}

// candidates returns the first expect nodes by name, or nil if there are fewer.
func candidates(s registry.Snapshot, expect int) []game.Server {
	var servers []game.Server
	for _, i := range s.Instances {
		if i.Meta[metaServer] != "" {
			level, _ := strconv.ParseUint(i.Meta[metaLevel], 10, 32) // a binary that does not say knows the first one
			servers = append(servers, game.Server{Name: i.Name, ID: i.Meta[metaServer], Zone: i.Meta[metaZone], Level: uint32(level)})
		}
	}
	slices.SortFunc(servers, func(a, b game.Server) int { return cmp.Compare(a.Name, b.Name) })
	servers = slices.CompactFunc(servers, func(a, b game.Server) bool { return a.Name == b.Name })
	if len(servers) < expect {
		return nil
	}
	return servers[:expect]
}

// birthLevel returns the level that a cluster with this birth record begins with: the highest that the binaries
// of all its first members knew. It depends on the record alone.
func birthLevel(birth game.Birth) uint32 {
	if len(birth.Voters) == 0 {
		return versions.FirstLevel
	}
	level := birth.Voters[0].Level
	for _, s := range birth.Voters {
		level = min(level, s.Level)
	}
	return max(versions.FirstLevel, level)
}

// minReplace is the smallest cluster that has a majority without one of its members, and so can replace
// that member's disk.
const minReplace = 3

// checkBirth returns an error if this node cannot be a member of the cluster with this birth record.
func checkBirth(birth game.Birth, name, server string, used bool) error {
	i := slices.IndexFunc(birth.Voters, func(s game.Server) bool { return s.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("host: cluster %s was born without %s", birth.Cluster, name)
	case newcomer(birth, server, used) && len(birth.Voters) < minReplace:
		return fmt.Errorf("host: cluster %s knows %s by another disk (%s, not %s), and %d nodes have no majority without it",
			birth.Cluster, name, birth.Voters[i].ID, server, len(birth.Voters))
	}
	return nil
}

// coordinatorVoters returns how many of n nodes are voters in the coordinator's group.
func coordinatorVoters(n int) int {
	if n >= 7 {
		return 5
	}
	return min(n, 3)
}
