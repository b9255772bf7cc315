package ingress

import (
	"errors"
	"sync/atomic"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// request passes a request to its handler, or refuses it.
func (in *Ingress) request(c *link.Conn, req *linkpb.Request) {
	in.counts.requests.Add(1)
	handler, refusal := in.route(c.Peer(), req)
	answer := &answer{in: in, c: c, id: req.Id}
	if handler == nil {
		in.counts.refused.Add(1)
		answer.send(refusal)
		return
	}
	handler(c.Peer().Name, req, answer.send)
}

// route finds the handler of a request; if nil, it returns the refusal.
func (in *Ingress) route(peer link.Peer, req *linkpb.Request) (Handler, *linkpb.Response) {
	switch req.Method {
	case link.MethodCreate, link.MethodEnded, link.MethodYield, link.MethodOffer, link.MethodJoin, link.MethodAlign, link.MethodLevel:
		if peer.Role != link.RoleNode {
			return refuse(wirepb.Code_UNKNOWN_METHOD, "only nodes may call it")
		}
		if req.Method == link.MethodEnded || req.Method == link.MethodJoin || req.Method == link.MethodLevel {
			return in.group(game.Coordinator)
		}
		if req.Method == link.MethodOffer {
			return in.group(game.GroupID(req.Group))
		}
		if req.Table == 0 {
			return in.shard(game.GroupID(req.Group))
		}
		return in.shard(game.TableID(req.Table).Shard())
	}
	method, known := in.cfg.Methods.Lookup(req.Method)
	if !known {
		return refuse(wirepb.Code_UNKNOWN_METHOD, "")
	}
	if req.Player == 0 && !method.Login {
		return refuse(wirepb.Code_NOT_LOGGED_IN, "")
	}
	switch method.Scope {
	case wirepb.Scope_TABLE:
		return in.shard(game.TableID(req.Table).Shard())
	case wirepb.Scope_CLUSTER:
		return in.group(game.Coordinator)
	}
	if service := in.cfg.Services[req.Method]; service != nil {
		return service, nil
	}
	return refuse(wirepb.Code_UNKNOWN_METHOD, "no such service on this node")
}

// shard is group for calls that must not reach the coordinator.
func (in *Ingress) shard(id game.GroupID) (Handler, *linkpb.Response) {
	if id == game.Coordinator {
		return refuse(wirepb.Code_BAD_REQUEST, "no table")
	}
	return in.group(id)
}

func (in *Ingress) group(id game.GroupID) (Handler, *linkpb.Response) {
	if g := (*in.groups.Load())[id]; g != nil {
		return g.Request, nil
	}
	return refuse(wirepb.Code_NOT_LEADER, "no such group on this node")
}

func refuse(code wirepb.Code, detail string) (Handler, *linkpb.Response) {
	return nil, &linkpb.Response{Code: code, Detail: detail}
}

// sessionClosed is a hint: it goes to the table's group if that runs here.
func (in *Ingress) sessionClosed(c *link.Conn, m *linkpb.SessionClosed) {
	in.counts.sessionsClosed.Add(1)
	shard := game.TableID(m.Table).Shard()
	if g := (*in.groups.Load())[shard]; g != nil && shard != game.Coordinator {
		g.SessionClosed(c.Peer().Name, m)
	}
}

// answer is the right to respond once to a request, on the link that it arrived on.
type answer struct {
	in   *Ingress
	c    *link.Conn
	id   uint64
	used atomic.Bool
}

func (a *answer) send(m *linkpb.Response) {
	if a.used.Swap(true) {
		a.in.counts.answeredTwice.Add(1)
		a.in.log.Error("ingress: a request was answered twice", "code", m.Code.String())
		return
	}
	err := a.c.Respond(a.id, m)
	if errors.Is(err, link.ErrTooLong) {
		// Breaking the link would not help: the call would come again and break the next one.
		a.in.log.Error("ingress: an answer is too long for a link", "error", err)
		err = a.c.Respond(a.id, &linkpb.Response{Code: wirepb.Code_INTERNAL, Detail: "the answer is too long"})
	}
	a.in.sent(a.c, err)
}
