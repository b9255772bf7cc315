package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// levels returns the cluster levels that this node can run at.
func (c Config) levels() versions.Range {
	r := versions.Levels()
	if c.MaxLevel != 0 {
		r.Max = c.MaxLevel
	}
	return r
}

// versions returns what this binary knows, in the form that is reported to the others.
func (n *node) versions() *linkpb.Versions {
	levels := n.cfg.levels()
	v := &linkpb.Versions{MinLevel: levels.Min, MaxLevel: levels.Max}
	for _, name := range slices.Sorted(maps.Keys(n.games)) {
		v.Games = append(v.Games, &linkpb.GameVersion{Name: name, Newest: n.games[name].Version()})
	}
	return v
}

// level reports the cluster's level, or raises it. It checks here, because the log cannot, that every member
// answers now: one that does not could come back with an older binary than the one whose versions it
// has reported.
func (n *node) level(req *linkpb.Request, reply func(*linkpb.Response)) {
	refuse := func(code wirepb.Code, format string, args ...any) {
		reply(&linkpb.Response{Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	m := new(linkpb.Level)
	if err := proto.Unmarshal(req.Payload, m); err != nil {
		refuse(wirepb.Code_BAD_REQUEST, "%v", err)
		return
	}
	group, ok := n.raft.Group(raftgroup.Coordinator)
	if !ok || !n.servesCoordinator() {
		refuse(wirepb.Code_NOT_LEADER, "")
		return
	}
	list := n.coord.View().Members
	silent := silentMembers(group.Status(), list)
	if m.Raise == 0 {
		answerLevel(list, silent, reply)
		return
	}
	if m.Raise <= coordinator.Level(list) {
		refuse(wirepb.Code_BAD_REQUEST, "the cluster runs at level %d; a level is never lowered", coordinator.Level(list))
		return
	}
	for _, name := range m.Without {
		if !slices.ContainsFunc(list.GetMembers(), func(m *linkpb.Member) bool { return m.Name == name }) {
			refuse(wirepb.Code_BAD_REQUEST, "no member is called %q", name)
			return
		}
	}
	var blocks []string
	for _, b := range coordinator.Unable(list, m.Raise, m.Without) {
		if v := b.GetVersions(); v == nil {
			blocks = append(blocks, b.Name+" has not reported its levels")
		} else {
			blocks = append(blocks, fmt.Sprintf("%s knows %v", b.Name, versions.Range{Min: v.MinLevel, Max: v.MaxLevel}))
		}
	}
	for _, name := range silent {
		if !slices.Contains(m.Without, name) {
			blocks = append(blocks, name+" does not answer")
		}
	}
	if len(blocks) > 0 {
		refuse(wirepb.Code_UNAVAILABLE, "level %d: %s", m.Raise, strings.Join(blocks, "; "))
		return
	}
	if own := n.cfg.levels(); !own.Holds(m.Raise) {
		refuse(wirepb.Code_UNAVAILABLE, "level %d: %s, which leads, knows %v", m.Raise, n.cfg.Name, own)
		return
	}
	n.coord.Raise(m.Raise, m.Without, func(r *linkpb.Response) {
		if r.Code != wirepb.Code_OK {
			reply(r)
			return
		}
		n.log.Warn("the cluster's level is raised", "level", m.Raise, "without", m.Without)
		answerLevel(n.coord.View().Members, silent, reply)
	})
}

// heardLevel handles the cluster's level in a member list from a link. That is needed because a node that does
// not know the level gets no entries, and so does not learn it from its own log.
func (n *node) heardLevel(level uint32) {
	for {
		select {
		case n.newLevel <- level:
			return
		case old := <-n.newLevel:
			level = max(level, old)
		}
	}
}

func answerLevel(list *linkpb.Members, silent []string, reply func(*linkpb.Response)) {
	payload, err := proto.Marshal(&linkpb.LevelReply{Members: list, Silent: silent})
	if err != nil {
		reply(&linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: err.Error()})
		return
	}
	reply(&linkpb.Response{Payload: payload})
}

// silentMembers returns the names of the members that do not answer the coordinator's leader now.
func silentMembers(st raftgroup.Status, list *linkpb.Members) (names []string) {
	for _, m := range list.GetMembers() {
		id := raftgroup.ServerID(m.Server)
		if _, heard := st.Matched[id]; id != st.Leader && !heard {
			names = append(names, m.Name)
		}
	}
	return names
}
