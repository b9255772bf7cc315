package swarm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"teahouse/pkg/client"
	"teahouse/pkg/wire/wirepb"
)

// offered checks that the queue and mode of this swarm are played here: otherwise
// everybody would be refused again and again.
func (s *Swarm) offered(ctx context.Context, c *client.Client) error {
	var list wirepb.ListReply
	if err := c.Repeat(ctx, "queue.list", 0, &wirepb.ListRequest{}, &list); err != nil {
		return err
	}
	var names []string
	for _, q := range list.Queues {
		for i, m := range q.Modes {
			if q.Name == s.cfg.Queue && (m.Name == s.cfg.Mode || s.cfg.Mode == "" && i == 0) {
				if !slices.Contains(q.Hands, s.cfg.Hands) {
					return fmt.Errorf("queue %s offers rounds of %v hands, not of %d: use --hands", q.Name, q.Hands, s.cfg.Hands)
				}
				return nil
			}
			names = append(names, q.Name+"/"+m.Name)
		}
	}
	return fmt.Errorf("nobody plays %s/%s here, but %s", s.cfg.Queue, s.cfg.Mode, strings.Join(names, ", "))
}
