package shard

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"teahouse/node/table"
	"teahouse/node/table/tabletest"
	"teahouse/pkg/fair"
	"teahouse/pkg/game"
	"teahouse/pkg/raftgroup"
	"teahouse/pkg/wire/wirepb"
)

// Moves at which chatty panics.
const (
	panicText = 42 + iota
	panicError
	panicBounds
)

// chatty is a game whose panics contain all that it knows.
type chatty struct{ tabletest.Game }

type chattyHand struct {
	game.Hand
	seed [32]byte
}

func (g chatty) Deal(s game.Setup) (game.Hand, error) {
	h, err := g.Game.Deal(s)
	return chattyHand{h, s.Seed}, err
}

func (h chattyHand) Move(seat int, move []byte) (game.Step, error) {
	switch move[0] {
	case panicText:
		panic(fmt.Sprintf("seed %x of %s", h.seed, h.Snapshot()))
	case panicError:
		panic(fmt.Errorf("seed %v", h.seed))
	case panicBounds:
		_ = h.seed[int(move[0])] // a runtime.Error
	}
	return h.Hand.Move(seat, move)
}

// traces are the forms in which the beginning of a secret may appear in a text.
func traces(secret []byte) map[string]string {
	head := secret[:6]
	return map[string]string{
		"as it is": string(head), "in hex": fmt.Sprintf("%x", head), "in HEX": fmt.Sprintf("%X", head),
		"in base64": base64.StdEncoding.EncodeToString(head), "for an URL": base64.URLEncoding.EncodeToString(head),
		"in numbers": strings.Trim(fmt.Sprint(head), "[]"), "in JSON numbers": strings.ReplaceAll(strings.Trim(fmt.Sprint(head), "[]"), " ", ","),
		"quoted": strings.Trim(fmt.Sprintf("%q", head), `"`), "in Go": strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", head), "[]byte"), "{}"),
	}
}

// showing lists the secrets that a text shows.
func showing(text string, secrets map[string][]byte) (found []string) {
	for name, secret := range secrets {
		for form, trace := range traces(secret) {
			if strings.Contains(text, trace) {
				found = append(found, name+" "+form)
			}
		}
	}
	return found
}

func TestShowingFinds(t *testing.T) {
	secret := []byte{0x9e, 0xfb, 0x0a, 0x22, 0x3c, 0x7f, 0xff, 0x01, 0x80, 0xd3}
	encoded, err := json.Marshal(struct{ Secret []byte }{secret})
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "secret", secret, "text", string(secret))
	for _, text := range []string{
		string(secret), fmt.Sprintf("%x", secret), fmt.Sprint(secret), fmt.Sprintf("%+v", struct{ s []byte }{secret}),
		fmt.Sprintf("%#v", secret), string(encoded), line.String(),
	} {
		if len(showing("before "+text+" behind", map[string][]byte{"it": secret})) == 0 {
			t.Errorf("%q shows nothing", text)
		}
	}
}

// TestSecretsStayInside: whatever goes wrong with a table, no log line, refusal or status
// shows its secret, a seed that comes from it, or the seed that a deal was mixed from.
func TestSecretsStayInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen strings.Builder // everything that operators and players are told about failures
		c := newCluster(t, 1, func(cfg *Config) {
			cfg.Games = map[string]game.Game{"tiny": chatty{}}
			cfg.Logger = slog.New(slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		c.lead(0)
		secrets := make(map[string][]byte)
		call := func(method string, seq, player uint64, m *wirepb.MoveRequest, want game.Code) {
			t.Helper()
			r := c.call(method, tableID(seq), player, 1, m)
			c.want(r, want)
			fmt.Fprintf(&seen, "%s\n%s\n", r.GetDetail(), r.GetPayload())
		}
		for seq, move := range []byte{panicText, panicError, panicBounds, 3} {
			seq := uint64(seq) + 1
			m := createTable(seq, "bench", ``, 2, 11, 12, 13, 14)
			m.Secret = fmt.Appendf(nil, "%02d is the secret of one table...", seq)
			c.create(m, false)
			secrets[fmt.Sprint("secret ", seq)] = m.Secret
			for hand := uint32(1); hand <= 2; hand++ {
				seed := table.HandSeed(m.Secret, hand)
				mixed := fair.Mix(seed, make([][]byte, 4))
				secrets[fmt.Sprint("seed ", seq, hand)], secrets[fmt.Sprint("deal ", seq, hand)] = seed[:], mixed[:]
			}
			for p := uint64(11); p <= 14; p++ {
				c.want(c.call("table.attach", tableID(seq), p, 1, &wirepb.AttachRequest{}), wirepb.Code_OK)
			}
			told := c.pushed(1101)
			prompt := told[len(told)-1].GetNumber()
			call("table.move", seq, 11, &wirepb.MoveRequest{Number: 1, Prompt: prompt, Move: []byte{77}}, wirepb.Code_NOT_OFFERED)
			call("table.move", seq, 11, &wirepb.MoveRequest{Number: 1, Prompt: prompt + 9, Move: []byte{3}}, wirepb.Code_PROMPT_UNKNOWN)
			call("table.move", seq, 11, &wirepb.MoveRequest{Number: 5, Prompt: prompt, Move: []byte{3}}, wirepb.Code_NUMBER_GAP)
			call("table.move", seq, 99, &wirepb.MoveRequest{Number: 1, Prompt: prompt, Move: []byte{3}}, wirepb.Code_NOT_SEATED)
			want := wirepb.Code_INTERNAL
			if move == 3 {
				want = wirepb.Code_OK
			}
			call("table.move", seq, 11, &wirepb.MoveRequest{Number: 1, Prompt: prompt, Move: []byte{move}}, want)
		}
		refused := createTable(5, "bench", `{"turns":-1}`, 1, 1, 2, 3, 4)
		refused.Secret = []byte("05 is the secret of a table refused")
		secrets["secret 5"] = refused.Secret
		c.create(refused, true)
		c.results.fail(errors.New("down"))
		time.Sleep(time.Minute) // the fourth table is played by timeouts, and its hands are not settled
		c.results.fail(fmt.Errorf("wrapped: %w", errConflict))
		time.Sleep(time.Minute)
		c.lead(-1)
		fmt.Fprintln(&seen, c.shards[0].Apply(raftgroup.Entry{Index: 1 << 20, Data: []byte("no batch")}))
		status, err := json.Marshal(c.shards[0].Status())
		if err != nil {
			t.Fatal(err)
		}
		c.close()
		seen.Write(status)
		if st := c.shards[0].Status(); st.Voided != 3 || st.Failures == 0 || st.Conflicts == 0 {
			t.Errorf("not all went wrong that should: %+v", st)
		}
		for _, said := range []string{"table is void", "settlement fails", "ALARM", "an entry that is not a batch", "panicked with", "index out of range"} {
			if !strings.Contains(seen.String(), said) {
				t.Errorf("nobody was told %q", said)
			}
		}
		if found := showing(seen.String(), secrets); len(found) > 0 {
			t.Errorf("shown: %q in\n%s", found, seen.String())
		}
	})
}
