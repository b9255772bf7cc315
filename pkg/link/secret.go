package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// LoadSecret reads Config.Secret from a file: at least 32 hex digits. A file that others may read
// is refused, since the secret lets its holder join the cluster.
func LoadSecret(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("link: secret: %w; take the cluster's file, or make one with: teahouse-local keygen", err)
	}
	if err != nil {
		return nil, fmt.Errorf("link: secret: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("link: secret file %s has mode %04o, so others may read it; want 0600: chmod 600 %[1]s", file, mode)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("link: secret: %w", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < minSecret {
		return nil, fmt.Errorf("link: secret file %s: want at least %d hex digits", file, 2*minSecret)
	}
	return secret, nil
}
