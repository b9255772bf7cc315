package queue

import (
	"fmt"
	"testing"

	"teahouse/pkg/wire/wirepb"
)

// A run takes what the queue for measurements offers four players for one hand, and what nobody else waits for.
func TestFreeKinds(t *testing.T) {
	modes := []*wirepb.ModeInfo{
		{Name: "a", Seats: 4, Forming: []*wirepb.Forming{
			{Stake: 2, Hands: 1, Waiting: 1}, {Stake: 3, Hands: 2, Waiting: 1}, {Stake: 1, Hands: 1, WaitMs: 5},
		}},
		{Name: "b", Seats: 2},
		{Name: "c", Seats: 4},
	}
	list := &wirepb.ListReply{Queues: []*wirepb.QueueInfo{
		{Name: "standard", Stakes: []uint32{7}, Hands: []uint32{1}, Modes: modes},
		{Name: queueName, Stakes: []uint32{1, 2, 3}, Hands: []uint32{2, 1}, Modes: modes},
	}}
	if got := fmt.Sprint(freeKinds(list)); got != "[{a 1} {a 3} {c 1} {c 2} {c 3}]" {
		t.Error(got)
	}
	list.Queues[1].Hands = []uint32{2}
	if got := freeKinds(list); got != nil {
		t.Errorf("without rounds of one hand: %v", got)
	}
}
