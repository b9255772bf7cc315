package failover

import "testing"

func TestTurns(t *testing.T) {
	faults, err := ParseFaults("term, kill")
	if err != nil || len(faults) != 2 || !faults[0].Term || faults[1] != (Fault{}) {
		t.Fatalf("%+v, %v", faults, err)
	}
	for _, text := range []string{"", "term,", "term,,kill", "term;kill"} {
		if _, err := ParseFaults(text); err == nil {
			t.Errorf("%q are faults", text)
		}
	}
	cfg, err := Config{State: "x", Turns: faults, Tries: 10}.withDefaults()
	if err != nil || cfg.Tries != 20 || cfg.faultNames() != "term,kill" {
		t.Fatalf("%d tries of %s, %v", cfg.Tries, cfg.faultNames(), err)
	}
	f := &Failover{cfg: cfg}
	for n := range 4 {
		if f.turn(n); f.cfg.Fault != faults[n%2] {
			t.Errorf("try %d is %v", n, f.cfg.Fault)
		}
	}
	for _, bad := range []Config{
		{State: "x", Turns: []Fault{{}, {Wipe: true}}},
		{State: "x", Turns: []Fault{{}, {Disk: diskFull}}},
		{State: "x", Turns: []Fault{{}, {Stop: -1}}},
	} {
		if _, err := bad.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", bad.Turns)
		}
	}
	r := Result{Tries: []Try{{Fault: "term", FaultGapMS: 10, FaultOutMS: 4}, {Fault: "kill", FaultGapMS: 40, FaultOutMS: 8}}}
	r.summarizeTurns(faults)
	if len(r.Turns) != 2 || r.Turns[0].Ratio != 0.25 || r.Turns[0].OutRatio != 0.5 || r.Turns[1].Ratio != 1 || r.Turns[0].Tries != 1 {
		t.Errorf("%+v", r.Turns)
	}
}
