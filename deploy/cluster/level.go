package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/proto"

	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/wire/wirepb"
)

// levelTimeout bounds one question about the cluster's level.
const levelTimeout = 5 * time.Second

func (s *Supervisor) setMaxLevel(name string, level uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(name)
	if err == nil {
		c.spec.MaxLevel = level
	}
	return err
}

// Level asks the coordinator's leader for the cluster's level, or, if raise is not 0, to raise it to that.
// Members named in without need not know the new level.
func (s State) Level(ctx context.Context, raise uint32, without []string) (*linkpb.LevelReply, error) {
	ctx, cancel := context.WithTimeout(ctx, levelTimeout)
	defer cancel()
	secret, err := link.LoadSecret(filepath.Join(s.Data, secretFile))
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&linkpb.Level{Raise: raise, Without: without})
	if err != nil {
		return nil, err
	}
	var none error
	for _, p := range s.Processes {
		if p.Role != roleNode || !p.Runs() || p.Addresses["link"] == "" {
			continue
		}
		status, err := nodeStatus(ctx, p.Addresses["status"])
		if err != nil {
			none = errors.Join(none, fmt.Errorf("%s: %w", p.Name, err))
			continue
		}
		r, err := ask(ctx, link.Config{Cluster: status.Cluster, Secret: secret, Name: "operator", Role: link.RoleNode},
			p.Addresses["link"], &linkpb.Request{Method: link.MethodLevel, Payload: payload})
		switch {
		case err != nil:
			none = errors.Join(none, fmt.Errorf("%s: %w", p.Name, err))
		case r.Code == wirepb.Code_OK:
			reply := new(linkpb.LevelReply)
			return reply, proto.Unmarshal(r.Payload, reply)
		case r.Code != wirepb.Code_NOT_LEADER:
			return nil, fmt.Errorf("%s: %s", r.Code, r.Detail)
		}
	}
	return nil, errors.Join(errors.New("no node leads the coordinator now"), none)
}

// ask makes one call on a link of its own.
func ask(ctx context.Context, cfg link.Config, addr string, req *linkpb.Request) (*linkpb.Response, error) {
	c, err := link.Dial(ctx, cfg, addr, link.Handler{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Call(ctx, req)
}
