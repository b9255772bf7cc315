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
	f, err := os.OpenFile(filepath.Join(dir, secretFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case errors.Is(err, os.ErrExist):
	case err != nil:
		return err
	default:
		if _, err := fmt.Fprintln(f, hex.EncodeToString(secret)); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, token.SecretFile)); err == nil {
		return nil
	}
	return token.GenerateKeyFiles(dir)
}

// registryCluster is what the cluster in dir calls itself in the registry, so
// that clusters that share a Consul agent do not meet. It is made of the public
// key: the cluster's id is not known before its nodes have found each other.
func registryCluster(dir string) (string, error) {
	key, err := os.ReadFile(filepath.Join(dir, token.PublicFile))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(key)
	return "teahouse-" + hex.EncodeToString(sum[:6]), nil
}

// lockFolder takes a shared lock on the data folder, which ends with the
// process, however it ends.
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

// takeFolder is lockFolder for the supervisor: no process of another cluster
// may be there. Those of one whose supervisor was killed get some time to end.
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
