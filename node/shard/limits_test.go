package shard

import (
	"testing"

	"teahouse/pkg/fair"
	"teahouse/pkg/wire/wiretest"
)

func TestLimitsAreSaid(t *testing.T) {
	wiretest.Bounded(t, "table.move", maxMoveBytes, fair.MaxNonce)
}
