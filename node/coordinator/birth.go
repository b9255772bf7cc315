package coordinator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/ring"
	"teahouse/pkg/wire/wirepb"
)

// birth starts the cluster. Only the first birth has an effect.
func (s *state) birth(b *coordpb.Birth, e *effects) result {
	if s.cluster != "" {
		return result{}
	}
	members := slices.Clone(b.GetMembers())
	slices.SortFunc(members, func(a, b *linkpb.Member) int { return strings.Compare(a.GetName(), b.GetName()) })
	shards, err := placeShards(members, int(b.GetLedShards()), int(b.GetReplicas()))
	if err != nil || b.GetCluster() == "" {
		return result{code: wirepb.Code_BAD_REQUEST}
	}
	s.cluster = b.GetCluster()
	s.members = proto.CloneOf(&linkpb.Members{Number: 1, Members: members, Shards: uint32(len(shards)), Level: b.GetLevel()})
	s.shards = shards
	e.viewed = true
	return result{}
}

// placeShards gives each member led shards to lead by preference, with its ring successors as the
// other replicas. Equal members give equal shards.
func placeShards(members []*linkpb.Member, led, replicas int) ([]*shard, error) {
	if len(members) == 0 || led < 1 || led > maxLed || replicas < 1 || replicas > maxReplicas {
		return nil, fmt.Errorf("%d members, %d led shards, %d replicas", len(members), led, replicas)
	}
	var onRing []ring.Member
	servers := make(map[string]bool)
	for _, m := range members {
		if m.GetServer() == "" || servers[m.GetServer()] {
			return nil, fmt.Errorf("server id %q of %q is empty or taken", m.GetServer(), m.GetName())
		}
		servers[m.GetServer()] = true
		onRing = append(onRing, ring.Member{Name: m.GetName(), Weight: int(m.GetWeight()), Zone: m.GetZone()})
	}
	r, err := ring.New(onRing)
	if err != nil {
		return nil, err
	}
	// The shards that a member leads are counted first, so that there is always room for them.
	kept := make(map[string]int)
	for _, m := range members {
		kept[m.GetName()] = led
	}
	var shards []*shard
	for range led {
		for _, m := range members {
			sh := &shard{id: game.GroupID(len(shards) + 1), replicas: []string{m.GetName()}}
			others := r.SuccessorsOf(m.GetName(), uint64(sh.id), len(members)-1)
			// A member that keeps the maximum comes last but can be chosen if no other is left: a
			// shard that lacks a replica would be worse than a node with one shard too many.
			slices.SortStableFunc(others, func(a, b string) int {
				return cmp.Compare(max(kept[a], maxReplicate-1), max(kept[b], maxReplicate-1))
			})
			for _, name := range others[:min(len(others), replicas-1)] {
				kept[name]++
				sh.replicas = append(sh.replicas, name)
			}
			shards = append(shards, sh)
		}
	}
	return shards, nil
}

// tookOver applies the new leader's settings.
func (s *state) tookOver(t *coordpb.TookOver) result {
	if !validSettings(t.GetSettings()) {
		return result{code: wirepb.Code_BAD_REQUEST}
	}
	s.settings = proto.CloneOf(t.GetSettings())
	s.forget()
	return result{}
}

// validSettings reports whether the state machine can work with the settings.
func validSettings(s *coordpb.Settings) bool {
	if s == nil || s.GetSeats() < 1 || s.GetSeats() > maxSeats || len(s.GetQueues()) > maxQueues {
		return false
	}
	names := make(map[string]bool)
	for _, q := range s.GetQueues() {
		if q.GetName() == "" || len(q.GetModes()) == 0 || names[q.GetName()] {
			return false
		}
		names[q.GetName()] = true
		if !validChoices(q.GetStakes(), maxStake) || !validChoices(q.GetHands(), maxHands) {
			return false
		}
		for _, m := range q.GetModes() {
			if m.GetSeats() > maxSeats {
				return false
			}
		}
	}
	return true
}

// queueSettings returns the settings of the named queue, or nil.
func (s *state) queueSettings(name string) *coordpb.Queue {
	for _, q := range s.settings.GetQueues() {
		if q.GetName() == name {
			return q
		}
	}
	return nil
}
