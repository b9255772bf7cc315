package coordinator

import (
	"testing"

	"teahouse/pkg/wire/wiretest"
)

func TestLimitsAreSaid(t *testing.T) {
	wiretest.Bounded(t, "auth.guest", maxName)
	wiretest.Bounded(t, "queue.join", maxQueueName, maxStake)
}
