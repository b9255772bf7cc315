package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"teahouse/pkg/durable"
)

// The names of the files that GenerateKeyFiles writes: PEM, readable by other tools.
const (
	SecretFile = "session.key"
	PublicFile = "session.pub"
)

const (
	secretBlock = "PRIVATE KEY"
	publicBlock = "PUBLIC KEY"
	// maxKeyFile is far above the 120 bytes of an Ed25519 key in PEM.
	maxKeyFile = 4096
)

// ErrKeyFileMode refuses a secret key that anyone but its owner may read or write.
var ErrKeyFileMode = errors.New("token: secret key file is open to others")

// GenerateKeyFiles writes a new key pair to the folder: SecretFile with mode 0600 and PublicFile
// with mode 0644. Each file appears complete or not at all. An existing secret key stays, and the
// error wraps fs.ErrExist; its public key is written if an interrupted run left it out.
func GenerateKeyFiles(dir string) error {
	secretPath, publicPath := filepath.Join(dir, SecretFile), filepath.Join(dir, PublicFile)
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("token: generate key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return fmt.Errorf("token: encode secret key: %w", err)
	}

	existed := createFile(secretPath, secretBlock, der, 0o600)
	if existed != nil {
		if !errors.Is(existed, fs.ErrExist) {
			return existed
		}
		signer, err := LoadSigner(secretPath)
		if err != nil {
			return err
		}
		public = signer.key.Public().ExportBytes()
	}

	if der, err = x509.MarshalPKIXPublicKey(public); err != nil {
		return fmt.Errorf("token: encode public key: %w", err)
	}
	err = createFile(publicPath, publicBlock, der, 0o644)
	if existed != nil && (err == nil || errors.Is(err, fs.ErrExist)) {
		return existed
	}
	return err
}

// createFile writes a PEM file that must not exist yet, so that two processes cannot both believe
// that they made the key.
func createFile(path, block string, der []byte, mode fs.FileMode) error {
	if err := durable.Create(path, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), mode); err != nil {
		return fmt.Errorf("token: %w", err)
	}
	return nil
}

// LoadSigner reads the secret key. The error wraps ErrKeyFileMode if the file's mode is looser than
// 0600, and never shows the file's contents.
func LoadSigner(path string) (*Signer, error) {
	der, err := readKeyFile(path, secretBlock, func(info fs.FileInfo) error {
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			return fmt.Errorf("%w: %s has mode %04o, want 0600: chmod 600 %[2]s", ErrKeyFileMode, path, mode)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("token: %s: not a secret key", path)
	}
	secret, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("token: %s: not an Ed25519 key", path)
	}
	return NewSigner(secret)
}

// LoadVerifier reads the public key.
func LoadVerifier(path string) (*Verifier, error) {
	der, err := readKeyFile(path, publicBlock, nil)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("token: %s: not a public key", path)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("token: %s: not an Ed25519 key", path)
	}
	return NewVerifier(public)
}

// readKeyFile returns the bytes inside the PEM file. check gets the opened file, not the path, so
// the file cannot be replaced in between.
func readKeyFile(path, block string, check func(fs.FileInfo) error) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("token: %w; take the cluster's file, or make a pair with: teahouse-local keygen", err)
	}
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("token: %s: not a regular file", path)
	}
	if check != nil {
		if err := check(info); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("token: read %s: %w", path, err)
	}
	decoded, _ := pem.Decode(text)
	if decoded == nil || decoded.Type != block {
		return nil, fmt.Errorf("token: %s: no PEM block %q; nodes have %s, gateways %s", path, block, SecretFile, PublicFile)
	}
	return decoded.Bytes, nil
}
