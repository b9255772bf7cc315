package cluster

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"teahouse/pkg/durable"
	"teahouse/pkg/token"
)

const (
	secretFile = "cluster.secret"
	lockFile   = "lock"
)

// writeKeys makes the cluster's secret and the token keys where there are none.
func writeKeys(dir string) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	err := durable.Create(filepath.Join(dir, secretFile), []byte(hex.EncodeToString(secret)+"\n"), 0o600)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, token.SecretFile)); err == nil {
		return nil
	}
	return token.GenerateKeyFiles(dir)
}

// Keys are the paths of the key files that the programs of one cluster share.
type Keys struct {
	Secret      string // of nodes and gateways, mode 0600
	Token       string // of nodes: signs session tokens, mode 0600
	TokenPublic string // of gateways: checks them
}

// MakeKeys makes all of them in dir, and dir if it is not there. The error wraps
// os.ErrExist, and nothing has changed, if there is one of them already.
func MakeKeys(dir string) (Keys, error) {
	if dir == "" {
		return Keys{}, errors.New("cluster: no folder for the keys")
	}
	keys := Keys{filepath.Join(dir, secretFile), filepath.Join(dir, token.SecretFile), filepath.Join(dir, token.PublicFile)}
	for _, file := range []string{keys.Secret, keys.Token, keys.TokenPublic} {
		switch _, err := os.Lstat(file); {
		case err == nil:
			return keys, fmt.Errorf("cluster: %s: %w; remove it, or choose another folder, if a new cluster is wanted", file, os.ErrExist)
		case !errors.Is(err, os.ErrNotExist):
			return keys, fmt.Errorf("cluster: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keys, fmt.Errorf("cluster: %w", err)
	}
	if err := writeKeys(dir); err != nil {
		return keys, fmt.Errorf("cluster: keys in %s: %w", dir, err)
	}
	return keys, nil
}

// registryCluster returns the name under which the cluster in dir registers, so that clusters that share a
// Consul agent do not mix. It is derived from the public key, because the cluster's id is not known
// before its nodes have found each other.
func registryCluster(dir string) (string, error) {
	key, err := os.ReadFile(filepath.Join(dir, token.PublicFile))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(key)
	return "teahouse-" + hex.EncodeToString(sum[:6]), nil
}

// lockFolder takes a shared lock on the data folder. The lock ends with the process, however that ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("data folder %s is being removed: %w", dir, err)
	}
	return f, nil
}

// awaitFolder waits, no longer than patience, until all processes of the cluster in dir have ended,
// including its reaper.
func awaitFolder(dir string, patience time.Duration) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return
	}
	defer f.Close()
	for ; patience > 0 && syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil; patience -= pollEvery {
		time.Sleep(pollEvery)
	}
}

// takeFolder is lockFolder for the supervisor: it fails if processes of another cluster use the folder. It
// waits no longer than patience for them, because those of a killed supervisor are about to end.
func takeFolder(dir string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for ; ; patience -= pollEvery {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH) // the children share it
			break
		}
		if patience <= 0 {
			break
		}
		time.Sleep(pollEvery)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data folder %s is in use by another cluster: %w", dir, err)
	}
	return f, nil
}
