package coordinator

import (
	"cmp"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// list answers queue.list without the log, because the queues in the leader's Config are those that all
// replicas use.
func (c *Coordinator) list(req *linkpb.Request) *linkpb.Response {
	if err := decode(req, &wirepb.ListRequest{}); err != nil {
		return &linkpb.Response{Code: game.CodeOf(err, wirepb.Code_INTERNAL), Detail: err.Error()}
	}
	if !c.in.state().Leading {
		return &linkpb.Response{Code: wirepb.Code_NOT_LEADER}
	}
	m := &wirepb.ListReply{}
	for _, q := range c.cfg.Queues {
		info := &wirepb.QueueInfo{
			Name: q.Name, DefaultHands: uint32(q.DefaultHands), MaxHands: uint32(q.MaxHands),
			BotsAfterMs: uint32(q.BotsAfter.Milliseconds()),
		}
		for _, mode := range q.Modes {
			info.Modes = append(info.Modes, &wirepb.ModeInfo{
				Name: mode.Name, Game: mode.Game, Seats: uint32(cmp.Or(mode.Seats, seats)), Rules: []byte(mode.Rules),
			})
		}
		m.Queues = append(m.Queues, info)
	}
	payload, err := proto.Marshal(m)
	if err != nil { // a name that is not UTF-8
		return &linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: err.Error()}
	}
	return &linkpb.Response{Code: wirepb.Code_OK, Payload: payload}
}
