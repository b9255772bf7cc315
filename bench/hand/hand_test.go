package hand_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"teahouse/bench/hand"
)

const samples = "../../pkg/mahjong/testdata/"

type run func(ctx context.Context, r io.Reader, w io.Writer) error

// answers runs a file of samples and returns the records and their answers.
func answers(t *testing.T, f run, file string) (records, replies []map[string]any) {
	t.Helper()
	in, err := os.ReadFile(samples + file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f(t.Context(), bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	records, replies = objects(t, in), objects(t, out.Bytes())
	if len(records) != len(replies) {
		t.Fatalf("%d lines in, %d out", len(records), len(replies))
	}
	return records, replies
}

func objects(t *testing.T, data []byte) (list []map[string]any) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m map[string]any
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func TestHandsAgreeWithSamples(t *testing.T) {
	records, replies := answers(t, hand.Hands, "hands.jsonl")
	if len(records) < 500 {
		t.Fatalf("only %d hands", len(records))
	}
	for i, rec := range records {
		want, got := rec["expect"].(map[string]any), replies[i]
		keys := []string{"win", "waits", "dajiao_fan"}
		if want["win"] == true {
			keys = append(keys, "raw", "fan", "fans")
		}
		if got["id"] != rec["id"] {
			t.Fatalf("line %d answers %v", i, got["id"])
		}
		for _, k := range keys {
			value, ok := got[k]
			if k == "fans" {
				value, want[k] = sorted(value), sorted(want[k])
			}
			if !ok || !reflect.DeepEqual(value, want[k]) {
				t.Errorf("%v: %s is %v, want %v", rec["id"], k, value, want[k])
			}
		}
	}
}

// sorted puts a list of fans in a fixed order: records compare them as a set.
func sorted(fans any) []string {
	var out []string
	for _, f := range fans.([]any) {
		out = append(out, fmt.Sprint(f))
	}
	slices.Sort(out)
	return out
}

func TestVerifyAgreesWithSamples(t *testing.T) {
	records, replies := answers(t, hand.Verify, "games.jsonl")
	if len(records) < 50 {
		t.Fatalf("only %d games", len(records))
	}
	for i, rec := range records {
		got := replies[i]
		for _, k := range []string{"id", "scores", "items", "status", "next_dealer", "reason"} {
			if value, ok := got[k]; !ok || !reflect.DeepEqual(value, rec[k]) {
				t.Errorf("%v: %s is %v, want %v", rec["id"], k, value, rec[k])
			}
		}
		inputs, offers := rec["inputs"].([]any), got["offers"].([]any)
		if len(inputs) != len(offers) {
			t.Fatalf("%v: %d offers for %d inputs", rec["id"], len(offers), len(inputs))
		}
		var prev map[string]any
		for n := range inputs {
			in := inputs[n].(map[string]any)
			later := prev != nil && in["i"] == "claim" && prev["i"] == "claim" && in["t"] == prev["t"]
			prev = in
			if offers[n] == nil && later {
				continue
			}
			if !reflect.DeepEqual(offers[n], in["offer"]) {
				t.Errorf("%v: input %d was offered %v, want %v", rec["id"], n, offers[n], in["offer"])
				break
			}
		}
	}
}

const goodHand = `{"id":"a","conc":[15],"win":15,"melds":[["an",12],["an",10],["zhi",3],["an",11]],"void":2,"ctx":[],"rules":{}}`

func TestBadHands(t *testing.T) {
	bad := []string{
		`{"id":"b1"`,
		`[]`,
		`{"id":"b3","conc":[15],"win":15,"melds":[],"void":2,"ctx":[],"rules":{}}`,
		strings.Replace(goodHand, `"win":15`, `"win":27`, 1),
		strings.Replace(goodHand, `"conc":[15]`, `"conc":[3]`, 1),
		strings.Replace(goodHand, `"void":2`, `"void":3`, 1),
		strings.Replace(goodHand, `"ctx":[]`, `"ctx":["luck"]`, 1),
		strings.Replace(goodHand, `"rules":{}`, `"rules":{"cap":-1}`, 1),
		strings.Replace(goodHand, `["zhi",3]`, `["chi",3]`, 1),
		strings.Replace(goodHand, `["zhi",3]`, `["zhi"]`, 1),
		`{"id":"long","x":"` + strings.Repeat("x", 1<<21) + `"}`,
	}
	checkBad(t, hand.Hands, goodHand, bad)
}

func TestBadGames(t *testing.T) {
	data, err := os.ReadFile(samples + "games.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	good, _, _ := strings.Cut(string(data), "\n")
	var game map[string]any
	if err := json.Unmarshal([]byte(good), &game); err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) string {
		changed := map[string]any{}
		for k, v := range game {
			changed[k] = v
		}
		changed[key] = value
		text, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	inputs := game["inputs"].([]any)
	checkBad(t, hand.Verify, good, []string{
		`{}`,
		with("wall", []int{1, 2, 3}),
		with("dealer", 7),
		with("rules", map[string]any{"mode": "chess"}),
		with("inputs", inputs[:len(inputs)-1]),
		with("inputs", append(slices.Clone(inputs), inputs[0])),
		with("inputs", []any{map[string]any{"i": "turn", "s": 9}}),
		with("inputs", inputs[1:]),
	})
}

// checkBad mixes bad lines with good ones: one output line for each, in order, an error at the end,
// and the good ones answered as usual.
func checkBad(t *testing.T, f run, good string, bad []string) {
	t.Helper()
	var in strings.Builder
	for _, line := range bad {
		in.WriteString(line + "\n" + good + "\n")
	}
	var out bytes.Buffer
	if err := f(t.Context(), strings.NewReader(in.String()), &out); err == nil {
		t.Error("bad lines gave no error at the end")
	}
	replies := objects(t, out.Bytes())
	if len(replies) != 2*len(bad) {
		t.Fatalf("%d lines out, want %d", len(replies), 2*len(bad))
	}
	for i, m := range replies {
		text, failed := m["error"].(string)
		if failed != (i%2 == 0) || failed && text == "" {
			t.Errorf("line %d: %v", i, m)
		}
		if _, ok := m["id"]; !ok {
			t.Errorf("line %d has no id", i)
		}
	}
}

func TestLastLineWithoutEnd(t *testing.T) {
	var out bytes.Buffer
	if err := hand.Hands(t.Context(), strings.NewReader("\n"+goodHand), &out); err != nil {
		t.Fatal(err)
	}
	if got := objects(t, out.Bytes()); len(got) != 1 || got[0]["win"] != true {
		t.Errorf("got %v", got)
	}
}

// TestStreams reads each answer before it writes the next line.
func TestStreams(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := hand.Hands(t.Context(), inR, outW)
		outW.Close()
		done <- err
	}()
	lines := bufio.NewScanner(outR)
	for range 3 {
		if _, err := io.WriteString(inW, goodHand+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), `"id":"a"`) {
			t.Fatalf("answer %q", lines.Text())
		}
	}
	inW.Close()
	if err := <-done; err != nil || lines.Scan() {
		t.Errorf("at the end: %v, %q", err, lines.Text())
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hand.Hands(ctx, strings.NewReader(goodHand), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
