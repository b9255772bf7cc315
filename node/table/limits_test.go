package table

import (
	"testing"

	"teahouse/pkg/wire/wiretest"
)

func TestLimitsAreSaid(t *testing.T) {
	wiretest.Bounded(t, "table.move", maxSwitches)
}
