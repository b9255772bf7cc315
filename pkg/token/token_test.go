package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"aidanwoods.dev/go-paseto"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testKey is a key that depends only on the seed.
func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func testSigner(t testing.TB, seed byte) *Signer {
	t.Helper()
	s, err := NewSigner(testKey(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, s *Signer, c Claims) string {
	t.Helper()
	text, err := s.Sign(c, now)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRoundTrip(t *testing.T) {
	s := testSigner(t, 1)
	v := s.Verifier()
	rapid.Check(t, func(rt *rapid.T) {
		lifetime := time.Duration(rapid.IntRange(1, 100_000).Draw(rt, "seconds")) * time.Second
		want := Claims{
			Player: rapid.Uint64Min(1).Draw(rt, "player"), Guest: rapid.Bool().Draw(rt, "guest"),
			IssuedAt: now, Expires: now.Add(lifetime),
		}
		text, err := s.Sign(want, now)
		if err != nil {
			rt.Fatal(err)
		}
		if len(text) > MaxLen/2 {
			rt.Fatalf("a token has %d bytes; MaxLen leaves no room", len(text))
		}
		for _, age := range []time.Duration{0, lifetime - 1} {
			if got, err := v.Verify(text, now.Add(age)); err != nil || got != want {
				rt.Fatalf("after %v: %+v, %v, want %+v", age, got, err, want)
			}
		}
		for _, age := range []time.Duration{lifetime, lifetime + time.Hour} {
			if got, err := v.Verify(text, now.Add(age)); !errors.Is(err, ErrExpired) || got != (Claims{}) {
				rt.Fatalf("after %v: %+v, %v, want ErrExpired", age, got, err)
			}
		}
	})
}

func TestDefaultLifetime(t *testing.T) {
	s := testSigner(t, 1)
	c, err := s.Verifier().Verify(sign(t, s, Claims{Player: 7}), now)
	if err != nil || !c.Expires.Equal(now.Add(24*time.Hour)) {
		t.Errorf("expires %v, %v", c.Expires, err)
	}
}

func TestClaimsThatAreNotSigned(t *testing.T) {
	s := testSigner(t, 1)
	for name, c := range map[string]Claims{
		"no player":       {},
		"expired already": {Player: 1, Expires: now},
	} {
		if text, err := s.Sign(c, now); !errors.Is(err, ErrClaims) || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestInvalid(t *testing.T) {
	s := testSigner(t, 1)
	good := sign(t, s, Claims{Player: 7, Guest: true})
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(good, ".")[2])
	if err != nil {
		t.Fatal(err)
	}
	richer := bytes.Replace(payload, []byte(`"7"`), []byte(`"8"`), 1)
	if bytes.Equal(richer, payload) {
		t.Fatalf("nothing replaced in %q", payload)
	}

	// signed makes something that the right key might sign one day and that is not a session token.
	signed := func(implicit []byte, claims map[string]any) string {
		t.Helper()
		tok, err := paseto.MakeToken(claims, nil)
		if err != nil {
			t.Fatal(err)
		}
		return tok.V4Sign(s.key, implicit)
	}
	full := func(change func(map[string]any)) map[string]any {
		claims := map[string]any{
			"sub": "7", "guest": true,
			"iat": now.Format(time.RFC3339), "exp": now.Add(time.Hour).Format(time.RFC3339),
		}
		change(claims)
		return claims
	}
	keep := func(map[string]any) {}
	if _, err := s.Verifier().Verify(signed(purpose, full(keep)), now); err != nil {
		t.Fatalf("the cases below would be meaningless: %v", err)
	}
	v2Key, err := paseto.NewV2AsymmetricSecretKeyFromBytes(testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	v2, err := paseto.MakeToken(full(keep), nil)
	if err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{
		"empty":             "",
		"garbage":           "garbage",
		"dots":              "...",
		"cut":               good[:len(good)-1],
		"extended":          good + "A",
		"with footer":       good + ".AAAA",
		"with empty footer": good + ".",
		"other player":      "v4.public." + base64.RawURLEncoding.EncodeToString(richer),
		"other key":         sign(t, testSigner(t, 2), Claims{Player: 7}),
		"other version":     v2.V2Sign(v2Key),
		"claimed version":   "v2" + strings.TrimPrefix(good, "v4"),
		"local":             strings.Replace(good, "public", "local", 1),
		"other purpose":     signed([]byte("teahouse invitation"), full(keep)),
		"too long":          signed(purpose, full(func(c map[string]any) { c["note"] = strings.Repeat("x", MaxLen) })),
		"no player":         signed(purpose, full(func(c map[string]any) { delete(c, "sub") })),
		"player 0":          signed(purpose, full(func(c map[string]any) { c["sub"] = "0" })),
		"player no number":  signed(purpose, full(func(c map[string]any) { c["sub"] = "-7" })),
		"no guest":          signed(purpose, full(func(c map[string]any) { delete(c, "guest") })),
		"no expiry":         signed(purpose, full(func(c map[string]any) { delete(c, "exp") })),
		"no issue time":     signed(purpose, full(func(c map[string]any) { delete(c, "iat") })),
		"expiry no time":    signed(purpose, full(func(c map[string]any) { c["exp"] = 12 })),
		"guest no boolean":  signed(purpose, full(func(c map[string]any) { c["guest"] = "yes" })),
		"ten million bytes": strings.Repeat("v4.public.", 1_000_000),
	} {
		if c, err := s.Verifier().Verify(text, now); err != ErrInvalid || c != (Claims{}) {
			t.Errorf("%s: %+v, %v, want ErrInvalid", name, c, err)
		}
	}
}

// No single changed byte goes unnoticed.
func TestEveryByteCounts(t *testing.T) {
	s := testSigner(t, 1)
	v := s.Verifier()
	good := sign(t, s, Claims{Player: 7})
	for i := range good {
		for _, c := range []byte{'A', 'B', '.', '\n', 0, 0xff} {
			if good[i] == c {
				continue
			}
			changed := good[:i] + string(rune(c)) + good[i+1:]
			if _, err := v.Verify(changed, now); err != ErrInvalid {
				t.Fatalf("byte %d as %q: %v", i, c, err)
			}
		}
	}
}

func TestKeysOfWrongLength(t *testing.T) {
	for _, n := range []int{0, 31, 63, 65} {
		if _, err := NewSigner(make([]byte, n)); err == nil {
			t.Errorf("secret key of %d bytes was accepted", n)
		}
		if _, err := NewVerifier(make([]byte, n)); err == nil {
			t.Errorf("public key of %d bytes was accepted", n)
		}
	}
	torn := testKey(1)
	torn[40] ^= 1 // the public half no longer belongs to the seed
	if _, err := NewSigner(torn); err == nil {
		t.Error("a torn key was accepted")
	}
}

// However a Signer is printed, alone or inside something, the key is not shown.
func TestSignerPrintsNoKey(t *testing.T) {
	key := testKey(0xA7) // 167 = 0xa7 = 0247
	s, err := NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%t", "%c", "%U"} {
		for _, value := range []any{s, *s, []*Signer{s}, []Signer{*s}, map[string]Signer{"k": *s}, struct{ S *Signer }{s}, struct{ S Signer }{*s}} {
			text := fmt.Sprintf(verb, value)
			if !strings.Contains(text, "redacted") {
				t.Errorf("%s of %T: %q", verb, value, text)
			}
			out.WriteString(text)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("made", "signer", s, "value", *s)
	}
	if err := json.NewEncoder(&out).Encode(map[string]any{"signer": s}); err != nil {
		t.Fatal(err)
	}
	out.WriteString(s.String())
	for _, secret := range []string{
		"167 167", "a7a7", "A7A7", "a7, 0xa7", "247 247", "10100111",
		"p6en", // base64 of a7 a7 a7
		strconv.Quote(string(key)),
	} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q shows", secret)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	dir := t.TempDir()
	if err := GenerateKeyFiles(dir); err != nil {
		t.Fatal(err)
	}
	secretPath, publicPath := filepath.Join(dir, SecretFile), filepath.Join(dir, PublicFile)
	for path, want := range map[string]fs.FileMode{secretPath: 0o600, publicPath: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("left behind: %v", files)
	}
	verifies := func() {
		t.Helper()
		signer, err := LoadSigner(secretPath)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := LoadVerifier(publicPath)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(sign(t, signer, Claims{Player: 7}), now); err != nil {
			t.Error(err)
		}
	}
	verifies()

	before, _ := os.ReadFile(secretPath)
	for _, what := range []string{"both files are there", "the public one is missing"} {
		if err := GenerateKeyFiles(dir); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v, want fs.ErrExist", what, err)
		}
		if after, _ := os.ReadFile(secretPath); !bytes.Equal(before, after) {
			t.Errorf("%s: the secret key was replaced", what)
		}
		verifies()
		if err := os.Remove(publicPath); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLooseSecretFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := GenerateKeyFiles(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, SecretFile)
	for mode, loose := range map[fs.FileMode]bool{
		0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o620: true, 0o644: true, 0o777: true,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadSigner(path); errors.Is(err, ErrKeyFileMode) != loose || (err != nil) != loose {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestBadKeyFiles(t *testing.T) {
	dir := t.TempDir()
	if err := GenerateKeyFiles(dir); err != nil {
		t.Fatal(err)
	}
	secret, _ := os.ReadFile(filepath.Join(dir, SecretFile))
	public, _ := os.ReadFile(filepath.Join(dir, PublicFile))
	const marker = "MARKERMARKER"
	for name, text := range map[string]string{
		"empty":           "",
		"garbage":         marker,
		"broken secret":   "-----BEGIN PRIVATE KEY-----\n" + marker + "\n-----END PRIVATE KEY-----\n",
		"broken public":   "-----BEGIN PUBLIC KEY-----\n" + marker + "\n-----END PUBLIC KEY-----\n",
		"secret for both": string(secret),
		"public for both": string(public),
	} {
		path := filepath.Join(dir, "x")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, errS := LoadSigner(path)
		_, errV := LoadVerifier(path)
		if errS == nil && name != "secret for both" || errV == nil && name != "public for both" {
			t.Errorf("%s: %v, %v", name, errS, errV)
		}
		if shown := fmt.Sprint(errS, errV); strings.Contains(shown, marker) {
			t.Errorf("%s: the error shows what is in the file: %s", name, shown)
		}
	}
	if _, err := LoadSigner(dir); err == nil {
		t.Error("a folder was accepted")
	}
	if _, err := LoadSigner(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := GenerateKeyFiles(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

// Whatever Verify accepts is what Sign has made.
func FuzzVerify(f *testing.F) {
	s := testSigner(f, 1)
	v := s.Verifier()
	good := sign(f, s, Claims{Player: 7, Guest: true})
	f.Add(good)
	f.Add(sign(f, testSigner(f, 2), Claims{Player: 7}))
	f.Add("v4.public.")
	f.Add("v4.public..")
	f.Add("v4.local.AAAA")
	f.Add(good[:len(good)/2])
	f.Add(good + ".")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := v.Verify(text, now)
		switch {
		case err == nil && text != good:
			t.Errorf("%q passes as %+v", text, c)
		case err != nil && err != ErrInvalid && err != ErrExpired:
			t.Errorf("error %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := testSigner(b, 1)
	v := s.Verifier()
	text := sign(b, s, Claims{Player: 7})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(text, now); err != nil {
			b.Fatal(err)
		}
	}
}
