package shard

import (
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/panics"
)

// poolRetry is the pause before a full pool is asked again.
const poolRetry = 50 * time.Millisecond

// thought is one prompt that a bot is to answer.
type thought struct {
	table game.TableID
	game  game.Game
	table.BotPrompt
	strength game.Strength
	pause    time.Duration
}

// think lets a bot answer. One that cannot is answered for by the deadline.
func (l *leader) think(th thought) {
	err := l.pooled(func() {
		var move []byte
		err := panics.Try(func() (err error) {
			move, err = th.game.Think(th.Payload, th.strength)
			return err
		})
		if err != nil {
			l.s.cfg.Logger.Error("bot has no answer", "table", th.table.String(), "seat", th.Seat, "error", err)
			return
		}
		l.s.inbox.post(func() {
			l.command(&tablepb.Command{Table: uint64(th.table), Body: &tablepb.Command_Bot{
				Bot: &tablepb.Bot{Seat: uint32(th.Seat), Prompt: th.Number, Move: move},
			}}, nil)
		})
	})
	if err != nil {
		l.after(poolRetry, func() { l.think(th) })
	}
}
