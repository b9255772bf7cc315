package table

import (
	"time"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/wire/wirepb"
)

// nextHand deals the next hand unless the table still waits for something.
func (t *Table) nextHand() {
	switch t.phase {
	case tablepb.Phase_WAITING:
		if t.timerDue != 0 && !t.allAttached() {
			return
		}
		t.phase = tablepb.Phase_BETWEEN
		t.arm(t.timing.GetNonceMs())
		fallthrough
	case tablepb.Phase_BETWEEN:
		t.commit()
		// Between hands the intermission runs to its end unless all are ready. Before the first hand the
		// timer only waits for nonces, so the hand is dealt at once when all are here.
		switch {
		case t.timerDue == 0:
		case t.hand == 0 && !t.allContributed(), t.hand > 0 && !t.allReady():
			return
		}
	default:
		return
	}
	// At the settlement bound no hand is dealt. The table retries by timer rather than being woken
	// when another table settles, so that its state changes only by its own commands.
	if t.room <= 0 {
		recheck := max(t.timing.GetRecheckMs(), 1)
		if t.timerDue == 0 || t.timerDue > t.now+uint64(recheck) {
			t.arm(recheck)
		}
		t.delay()
		return
	}
	t.deal(t.nextSeed())
}

// delay announces that the next hand is late, once per hand.
func (t *Table) delay() {
	if t.delayed || t.secret == nil { // no secret: a replay, which has no room so that it deals no further hand
		return
	}
	t.delayed = true
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_Delayed{Delayed: delayedBody()}})
}

// delayedBody says why a hand is late; there is only one reason.
func delayedBody() *wirepb.Delayed { return &wirepb.Delayed{Code: wirepb.Code_SETTLEMENT_DELAYED} }

// deal starts the next hand.
func (t *Table) deal(seed [32]byte) {
	t.record.begin(t, seed)
	t.recordMix()
	t.delayed = false
	t.hand++
	t.dealer = t.next
	t.phase = tablepb.Phase_PLAYING
	t.timerDue = 0
	for _, s := range t.seats {
		s.stream.trim()
		s.switches = 0
	}
	setup := game.Setup{Rules: t.rules, Seed: seed, Dealer: t.dealer, Version: t.version}
	for _, s := range t.seats {
		setup.Totals = append(setup.Totals, s.total/int64(t.stake))
	}
	play, err := t.game.Deal(setup)
	if err != nil {
		broken("deal: %v", err)
	}
	t.play = play
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_HandStarted{
		HandStarted: &wirepb.HandStarted{Hand: t.hand, Dealer: uint32(t.dealer)},
	}})
	t.freshHand()
	t.emitStep(game.Step{Events: play.Opening()})
	for i, s := range t.seats {
		if !s.attached && !s.bot() {
			t.setAuto(i, true, wirepb.AutoPlayChanged_AWAY)
			t.broadcastAuto(i, true, wirepb.AutoPlayChanged_AWAY)
		}
	}
	t.updatePrompts()
}

// emitStep adds to each seat's stream what the seat may know about a step, and with its last event of
// it, whom the table openly waits for from now on.
func (t *Table) emitStep(step game.Step) {
	var told [MaxSeats]int // by seat: its last event of the step, from 1; 0 = none
	var turn []byte
	if t.nextTurn() {
		turn = encode(&wirepb.TableEvent{Turn: t.turnMessage()})
		for n, e := range step.Events {
			for i, payload := range e.Seats {
				if payload != nil {
					told[i] = n + 1
				}
			}
		}
	}
	for n, e := range step.Events {
		var last, event []byte // most events have the same payload for all seats: encode it once
		var lastTurn bool
		for i, payload := range e.Seats {
			if payload == nil {
				continue
			}
			withTurn := turn != nil && told[i] == n+1
			if event == nil || !sameSlice(payload, last) || withTurn != lastTurn {
				last, lastTurn, event = payload, withTurn, encodeGame(payload)
				if withTurn {
					event = append(event, turn...)
				}
			}
			t.emit(i, event)
		}
	}
	for i := range t.seats {
		if turn != nil && told[i] == 0 {
			t.emit(i, turn)
		}
	}
}

// updatePrompts adopts the game's state after a step: prompts that it closed or opened, and the hold that it
// began or ended.
func (t *Table) updatePrompts() {
	waiting := false
	for i, s := range t.seats {
		p := t.play.Prompt(i)
		waiting = waiting || p.Serial != 0
		if p.Serial == s.prompt.serial {
			continue
		}
		t.spend(s)
		s.prompt = prompt{}
		if p.Serial == 0 {
			continue
		}
		q := t.opens(i, p)
		q.number = t.emit(i, encodePrompt(q.limit, q.reserve, p.Payload))
		s.prompt = q
		t.setDue(i)
	}
	switch hold := t.play.Hold(); {
	case hold > 0 && t.timerDue == 0:
		t.arm(milliseconds(hold))
	case hold <= 0:
		t.timerDue = 0
		if _, over := t.play.Result(); !over && !waiting {
			broken("the hand waits for nothing")
		}
	}
}

// endHand finishes a hand that is over: its result and its record become a pending settlement.
func (t *Table) endHand() {
	if t.phase != tablepb.Phase_PLAYING {
		return
	}
	result, over := t.play.Result()
	if !over {
		return
	}
	scores, err := t.scores(result)
	if err != nil {
		broken("result: %v", err)
	}
	var totals []int64
	for i, s := range t.seats {
		s.prompt = prompt{}
		s.total += scores[i]
		totals = append(totals, s.total)
	}
	t.broadcast(&wirepb.TableEvent{Body: &wirepb.TableEvent_HandEnded{HandEnded: &wirepb.HandEnded{
		Hand: t.hand, Scores: scores, Totals: totals, Game: result.Summary,
	}}})
	for _, s := range t.seats {
		s.stream.handEnd = s.stream.last()
	}
	t.pending = append(t.pending, &tablepb.Pending{Hand: t.hand, Scores: scores, Archive: t.record.finish(t)})
	t.room--
	t.next = result.NextDealer
	t.timerDue = 0
	if t.hand < t.hands {
		t.phase = tablepb.Phase_BETWEEN
		t.arm(t.timing.GetIntermissionMs())
		return
	}
	t.phase = tablepb.Phase_SETTLING
}

// scores converts a result's base units into points.
func (t *Table) scores(r game.Result) ([]int64, error) {
	if len(r.Scores) != len(t.seats) || r.NextDealer < 0 || r.NextDealer >= len(t.seats) {
		return nil, game.Errorf(wirepb.Code_INTERNAL, "%d scores, next dealer %d", len(r.Scores), r.NextDealer)
	}
	scores := make([]int64, len(r.Scores))
	sum := int64(0)
	for i, s := range r.Scores {
		scores[i] = s * int64(t.stake)
		sum += scores[i]
	}
	if sum != 0 {
		return nil, game.Errorf(wirepb.Code_INTERNAL, "scores sum to %d", sum)
	}
	return scores, nil
}

// milliseconds rounds up, so that a short time does not become none.
func milliseconds(d time.Duration) uint32 {
	return uint32((max(d, 0) + time.Millisecond - 1) / time.Millisecond)
}
