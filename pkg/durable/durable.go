// Package durable writes small files that are whole and on the disk, or not there at all,
// whenever the process or the machine ends:
//
//	err := durable.Replace(filepath.Join(dir, "disk.json"), text, 0o600)
//	err := durable.Create(filepath.Join(dir, "cluster.secret"), text, 0o600) // wraps fs.ErrExist if it is there
//
// A file is written beside its name, synced, put in place, and the folder synced. Everything in
// a data folder that no library of its own writes (Pebble, Raft's snapshots, SQLite) goes through
// here, new formats of old files too; deploy/systest looks for what does not. What a crash leaves
// beside a name ends in ".tmp"; it is never read and may be deleted.
//
// It keeps nothing open and takes no locks. Anybody may import it.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace makes data the content of the file, which need not exist. Of two that run at the same
// time one wins.
func Replace(name string, data []byte, mode fs.FileMode) error {
	return put(name, data, mode, os.Rename)
}

// Create makes a file that must not exist yet. Of two that run at the same time one gets an error
// that wraps fs.ErrExist, and so does whoever comes later.
func Create(name string, data []byte, mode fs.FileMode) error {
	// A link, unlike a rename, fails if the file exists.
	return put(name, data, mode, os.Link)
}

func put(name string, data []byte, mode fs.FileMode, place func(from, to string) error) (err error) {
	dir := filepath.Dir(name)
	temp, err := os.CreateTemp(dir, filepath.Base(name)+".*.tmp") // mode 0600
	if err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	defer func() {
		if removed := os.Remove(temp.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Chmod(mode)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return fmt.Errorf("durable: %s: %w", name, err)
	}
	if err = place(temp.Name(), name); err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	return SyncFile(dir)
}

// SyncFile puts a file's content, or a folder's names, on the disk.
func SyncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
