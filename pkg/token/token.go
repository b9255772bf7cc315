// Package token makes and checks session tokens: the proof that a player has logged in, which a
// client shows to any gateway that it comes back through.
//
// The node that executes a login signs; gateways hold only the public key:
//
//	signer, err := token.LoadSigner(filepath.Join(dir, token.SecretFile))
//	text, err := signer.Sign(token.Claims{Player: 7, Guest: true}, time.Now())
//
//	verifier, err := token.LoadVerifier(filepath.Join(dir, token.PublicFile))
//	claims, err := verifier.Verify(text, time.Now())
//
// A token is a PASETO of version 4, purpose public: readable by everybody, made only by holders of
// the Ed25519 secret key. It is a bearer secret all the same: never log one.
//
// The package has no clock, no revocation (a session's epoch decides which login counts) and no
// sessions. Anybody may import it.
package token

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"aidanwoods.dev/go-paseto"
)

const (
	// Lifetime is how long a token is valid unless its claims say otherwise.
	Lifetime = 24 * time.Hour
	// MaxLen bounds the length of a token in bytes. A longer one is refused unread.
	MaxLen = 512
)

var (
	// ErrInvalid refuses a token that this key has not signed for this purpose: forged, garbage, of
	// another key or version, or too long.
	ErrInvalid = errors.New("token: invalid")
	// ErrExpired refuses a token that is no longer valid.
	ErrExpired = errors.New("token: expired")
	// ErrClaims refuses to sign claims that no verifier would accept.
	ErrClaims = errors.New("token: claims cannot be signed")
)

// purpose is signed along with each token but not carried in it, so that nothing else that this key
// may ever sign can pass for a session token.
var purpose = []byte("teahouse session")

// Claims is what a token says about its bearer. Times have a precision of one second.
type Claims struct {
	// Player is the player's id, never 0.
	Player uint64
	// Guest means that the player has no account.
	Guest bool
	// IssuedAt is the time of signing.
	IssuedAt time.Time
	// Expires is the first moment at which the token is no longer valid.
	Expires time.Time
}

// Signer makes tokens. It holds the secret key and prints itself without it.
type Signer struct {
	key paseto.V4AsymmetricSecretKey
}

// NewSigner returns a Signer with the given key, or an error if it is not a well-formed Ed25519
// private key.
func NewSigner(secret ed25519.PrivateKey) (*Signer, error) {
	// The length is checked here because the library slices the key before it checks.
	if len(secret) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("token: secret key of %d bytes, want %d", len(secret), ed25519.PrivateKeySize)
	}
	key, err := paseto.NewV4AsymmetricSecretKeyFromEd25519(secret)
	if err != nil {
		return nil, errors.New("token: malformed secret key")
	}
	return &Signer{key: key}, nil
}

// Sign returns a token for the claims, issued now; IssuedAt is ignored, and a zero Expires means
// Lifetime from now. The error wraps ErrClaims: no player, or already expired.
func (s *Signer) Sign(c Claims, now time.Time) (string, error) {
	if c.Expires.IsZero() {
		c.Expires = now.Add(Lifetime)
	}
	if c.Player == 0 {
		return "", fmt.Errorf("%w: no player", ErrClaims)
	}
	if !c.Expires.After(now) {
		return "", fmt.Errorf("%w: expired already", ErrClaims)
	}
	t := paseto.NewToken()
	t.SetSubject(strconv.FormatUint(c.Player, 10))
	if err := t.Set("guest", c.Guest); err != nil {
		return "", fmt.Errorf("%w: %w", ErrClaims, err)
	}
	t.SetIssuedAt(now.UTC())
	t.SetExpiration(c.Expires.UTC())
	return t.V4Sign(s.key, purpose), nil
}

// Verifier returns the Verifier of the tokens that s signs.
func (s *Signer) Verifier() *Verifier { return &Verifier{key: s.key.Public()} }

// Format keeps the key out of printed text, with every verb.
func (Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// String keeps the key out of printed text.
func (Signer) String() string { return redacted }

// LogValue keeps the key out of logs.
func (Signer) LogValue() slog.Value { return slog.StringValue(redacted) }

const redacted = "token.Signer(redacted)"

// Verifier checks tokens. Its methods may be called from any goroutine.
type Verifier struct {
	key paseto.V4AsymmetricPublicKey
}

// NewVerifier returns a Verifier with the given key, or an error if it has the wrong length.
func NewVerifier(public ed25519.PublicKey) (*Verifier, error) {
	key, err := paseto.NewV4AsymmetricPublicKeyFromEd25519(public)
	if err != nil {
		return nil, fmt.Errorf("token: public key of %d bytes, want %d", len(public), ed25519.PublicKeySize)
	}
	return &Verifier{key: key}, nil
}

// Verify returns the token's claims if it is genuine and not expired. The errors are ErrInvalid and
// ErrExpired, without detail, so that forgers learn nothing from them.
func (v *Verifier) Verify(text string, now time.Time) (Claims, error) {
	// Session tokens have no footer, the fourth part of a PASETO; an empty one would give
	// each token a second spelling.
	if len(text) > MaxLen || strings.Count(text, ".") != 2 {
		return Claims{}, ErrInvalid
	}
	// Expiry is checked below against the caller's clock; the library would use its own.
	t, err := paseto.MakeParser(nil).ParseV4Public(v.key, text, purpose)
	if err != nil {
		return Claims{}, ErrInvalid
	}
	c, err := claimsOf(t)
	if err != nil {
		return Claims{}, ErrInvalid
	}
	if !now.Before(c.Expires) {
		return Claims{}, ErrExpired
	}
	return c, nil
}

// claimsOf reads the claims of a genuine token.
func claimsOf(t *paseto.Token) (c Claims, err error) {
	subject, err := t.GetSubject()
	if err != nil {
		return Claims{}, err
	}
	if c.Player, err = strconv.ParseUint(subject, 10, 64); err != nil {
		return Claims{}, err
	}
	if c.Player == 0 {
		return Claims{}, ErrClaims
	}
	if err = t.Get("guest", &c.Guest); err != nil {
		return Claims{}, err
	}
	if c.IssuedAt, err = t.GetIssuedAt(); err != nil {
		return Claims{}, err
	}
	if c.Expires, err = t.GetExpiration(); err != nil {
		return Claims{}, err
	}
	return c, nil
}
