package peer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire"
	"teahouse/pkg/wire/wirepb"
)

// Why one attempt was given up.
var (
	errLeaderChanged = errors.New("another leader")
	errNoResponse    = errors.New("no response")
)

// Call has the leader of group execute req, and returns its definite answer. It waits while no
// leader is known and resends while the outcome is unknown, so req's method must be idempotent; req
// must not be changed until Call returns. The only error is ctx's (with the last attempt's): the
// outcome is unknown then.
func (p *Peers) Call(ctx context.Context, group game.GroupID, req *linkpb.Request) (*linkpb.Response, error) {
	pause := p.cfg.PauseMin
	last := "no leader known"
	for ctx.Err() == nil {
		route, changed := p.route(group)
		send := p.sender(group, route)
		if send == nil {
			p.pause(ctx, changed, p.cfg.ResendAfter)
			continue
		}
		response, err := p.try(ctx, group, route, req, send)
		switch {
		case err != nil:
			last = route.Node + ": " + err.Error()
		case response.Code == wirepb.Code_NOT_LEADER:
			last = route.Node + ": not the leader"
			p.update(func(l link.Leaders) (link.Leaders, bool) { return l.Refused(uint32(group), route) })
			continue
		case wire.Definite(response.Code):
			return response, nil
		default:
			last = fmt.Sprintf("%s: %v %s", route.Node, response.Code, response.Detail)
		}
		// The same leader again only after a pause, another one at once.
		if now, _ := p.route(group); now == route {
			p.pause(ctx, changed, pause)
			pause = min(2*pause, p.cfg.PauseMax)
		}
	}
	return nil, fmt.Errorf("peer: call %s of group %d: %w (last: %s)", req.Method, group, ctx.Err(), last)
}

// sendFunc sends once, as Conn.Go does; forget cancels the interest in the response.
type sendFunc func(req *linkpb.Request, done func(*linkpb.Response, error)) (forget func(), err error)

// sender sends along route; nil if there is no link for it now.
func (p *Peers) sender(group game.GroupID, route link.Route) sendFunc {
	switch {
	case route.Node == "":
		return nil
	case route.Node == p.cfg.Link.Name:
		return p.local(group)
	}
	c := p.pool.Conn(route.Node)
	if c == nil {
		return nil // its Down will clear the route
	}
	return func(req *linkpb.Request, done func(*linkpb.Response, error)) (func(), error) {
		id, err := c.Go(req, done)
		return func() { c.Forget(id) }, err
	}
}

// local is the sender for a group on this node.
func (p *Peers) local(group game.GroupID) sendFunc {
	if p.cfg.Local == nil {
		return nil
	}
	handler := p.cfg.Local(group)
	if handler == nil {
		return nil
	}
	return func(req *linkpb.Request, done func(*linkpb.Response, error)) (func(), error) {
		handler(p.cfg.Link.Name, req, func(m *linkpb.Response) { done(m, nil) })
		return func() {}, nil
	}
}

// try sends once and waits for the response, at most for ResendAfter, and only until the group has
// another leader: the old one may never answer.
func (p *Peers) try(
	ctx context.Context, group game.GroupID, route link.Route, req *linkpb.Request, send sendFunc,
) (*linkpb.Response, error) {
	type result struct {
		response *linkpb.Response
		err      error
	}
	got := make(chan result, 1)
	forget, err := send(req, func(m *linkpb.Response, err error) {
		select {
		case got <- result{m, err}:
		default: // the handler answered twice
		}
	})
	if err != nil {
		return nil, err
	}
	defer forget()
	patience := time.NewTimer(p.cfg.ResendAfter)
	defer patience.Stop()
	for {
		now, changed := p.route(group)
		if now != route {
			return nil, errLeaderChanged
		}
		select {
		case r := <-got:
			return r.response, r.err
		case <-changed:
		case <-patience.C:
			return nil, errNoResponse
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pause waits until the leaders change, at most d, or until ctx ends.
func (p *Peers) pause(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
