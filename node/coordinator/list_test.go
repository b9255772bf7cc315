package coordinator

import (
	"testing"

	"teahouse/pkg/wire/wirepb"
)

func TestListShowsWhatIsPlayed(t *testing.T) {
	edit := func(c *Config) {
		c.Queues = []Queue{{
			Name: "q", DefaultHands: 2, MaxHands: 3,
			Modes: []Mode{{Name: "a", Game: "g", Rules: "{}"}, {Name: "b", Game: "h", Seats: 2}},
		}}
	}
	bubble(t, 2, edit, func(t *testing.T, cl *cluster) {
		leader, other := cl.nodes[0], cl.nodes[1]
		cl.log.lead(leader)
		p := leader.guest(t)
		reply := &wirepb.ListReply{}
		if code := leader.do(t, requestOf("queue.list", p, &wirepb.ListRequest{}), reply); code != wirepb.Code_OK {
			t.Fatal(code)
		}
		if len(reply.Queues) != 1 || len(reply.Queues[0].Modes) != 2 {
			t.Fatal(reply)
		}
		q := reply.Queues[0]
		if q.Name != "q" || q.DefaultHands != 2 || q.MaxHands != 3 || q.BotsAfterMs != 0 ||
			q.Modes[0].Seats != 4 || string(q.Modes[0].Rules) != "{}" || q.Modes[1].Game != "h" || q.Modes[1].Seats != 2 {
			t.Error(reply)
		}
		if code := other.do(t, requestOf("queue.list", p, &wirepb.ListRequest{}), reply); code != wirepb.Code_NOT_LEADER {
			t.Errorf("who does not lead: %v", code)
		}
	})
}
