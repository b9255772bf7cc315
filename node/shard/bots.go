package shard

import (
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/game"
	"teahouse/pkg/panics"
)

// poolRetry is the pause before the next try if the pool is full.
const poolRetry = 50 * time.Millisecond

// botTurn is one prompt that a bot is to answer.
type botTurn struct {
	table game.TableID
	game  game.Game
	table.BotPrompt
	rules, view []byte // the table's, and the seat's
	strength    game.Strength
	pause       time.Duration
}

// think lets a bot answer its prompt. If the bot fails, the prompt's deadline answers.
func (l *leader) think(th botTurn) {
	err := l.pooled(func() {
		var move []byte
		err := panics.Try(func() (err error) {
			move, err = th.game.Think(th.rules, th.view, th.Payload, th.strength)
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
