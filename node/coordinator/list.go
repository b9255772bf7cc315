package coordinator

import (
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// list answers queue.list without the log: the queues in the leader's Config are those that all replicas
// use, and what it shows of the players may be a second old. One answer is encoded for everybody who asks
// within that second.
func (c *Coordinator) list(req *linkpb.Request) *linkpb.Response {
	if err := decode(req, &wirepb.ListRequest{}); err != nil {
		return &linkpb.Response{Code: game.CodeOf(err, wirepb.Code_INTERNAL), Detail: err.Error()}
	}
	if !c.in.state().Leading {
		return &linkpb.Response{Code: wirepb.Code_NOT_LEADER}
	}
	c.lists.Add(1)
	payload, err := c.overview(c.cfg.Now()).list()
	if err != nil { // a name that is not UTF-8
		return &linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: err.Error()}
	}
	return &linkpb.Response{Code: wirepb.Code_OK, Payload: payload}
}
