package raftgroup

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"teahouse/pkg/durable"
)

// A data folder holds:
//
//	LOCK             held while a process uses the folder
//	disk.json        identity
//	log/             the log store of all groups
//	log-coordinator/ the coordinator's own log store, if the folder was made without syncing
//	snap/<group>/    snapshots
//	lost-<id>/       the data of an earlier id; may be deleted
const (
	lockFile       = "LOCK"
	identityFile   = "disk.json"
	logDir         = "log"
	coordinatorDir = "log-coordinator"
	snapDir        = "snap"
	lostPrefix     = "lost-"
)

// identity is the content of disk.json.
type identity struct {
	ID    string `json:"id"`
	Split bool   `json:"split"`   // the coordinator has a store of its own
	Sync  bool   `json:"sync"`    // policy of the last run
	Boot  string `json:"boot_id"` // kernel boot of the last run
	Clean bool   `json:"clean"`   // the last run closed the disk, and all its data is durable
}

// Disk is an opened data folder: its identity and its log stores.
type Disk struct {
	dir    string
	fs     vfs.FS // under the log stores
	id     identity
	fresh  bool
	reason string
	logger *slog.Logger
	lock   io.Closer

	main        *store
	coordinator *store             // == main unless id.Split
	extents     map[GroupID]extent // as found by OpenDisk
	counters    diskCounters

	mu   sync.Mutex
	logs map[GroupID]*groupLog // kept so that a group that is stopped and started again uses the same one
}

// OpenDisk opens or creates a data folder. If acknowledged data may be lost (damage before the newest
// intact record, or an unclean boot without syncing), the disk gets a new id and starts empty, and the
// old data is set aside: a server that has lost data and keeps its id could vote twice.
//
// Errors: ErrDiskPolicy; others are for the operator (permissions, a second process on the folder, a
// full disk) and change nothing. OpenDisk may already call DiskConfig.Fatal, if the log store cannot be
// written.
func OpenDisk(dir string, cfg DiskConfig) (*Disk, error) {
	return openDisk(dir, cfg, systemFS())
}

// openDisk lets tests choose the file system of the log stores, for example one that fails.
func openDisk(dir string, cfg DiskConfig, logFS vfs.FS) (_ *Disk, err error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &Disk{dir: dir, fs: logFS, logger: cfg.Logger}
	if d.lock, err = vfs.Default.Lock(filepath.Join(dir, lockFile)); err != nil {
		return nil, fmt.Errorf("raftgroup: data folder %s is in use: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.closeStores(), d.lock.Close())
		}
	}()

	boot := bootID()
	switch err := d.readIdentity(); {
	case errors.Is(err, fs.ErrNotExist):
		d.fresh, d.reason = true, "new folder"
	case err != nil:
		d.fresh, d.reason = true, fmt.Sprintf("unreadable identity: %v", err)
	case !d.id.Sync && !d.id.Clean && (boot == "" || boot != d.id.Boot):
		d.fresh, d.reason = true, "unclean boot of a disk that was not synced"
	case !cfg.Sync && !d.id.Split:
		return nil, ErrDiskPolicy
	}
	if !d.fresh {
		err := d.openStores(cfg, boot, logFS)
		if err == nil {
			return d, nil
		}
		if !errors.Is(err, errDamaged) {
			return nil, err
		}
		d.fresh, d.reason = true, err.Error()
		if err := d.closeStores(); err != nil {
			d.logger.Warn("closing a damaged log store", "error", err)
		}
	}

	if err := d.setAside(); err != nil {
		return nil, err
	}
	d.logger.Info("disk gets a new id", "reason", d.reason, "old", d.id.ID)
	d.id = identity{ID: newDiskID(), Split: !cfg.Sync}
	if err := d.openStores(cfg, boot, logFS); err != nil {
		return nil, err
	}
	return d, nil
}

// ID is the random id of this disk: 16 hexadecimal digits. It is part of the
// server id and changes when the disk counts as lost.
func (d *Disk) ID() string { return d.id.ID }

// Fresh reports whether OpenDisk made the id, and why.
func (d *Disk) Fresh() (fresh bool, reason string) { return d.fresh, d.reason }

// Free is how many bytes of the folder's file system are free for this process.
func (d *Disk) Free() (uint64, error) {
	usage, err := d.fs.GetDiskUsage(d.dir)
	return usage.AvailBytes, err
}

// StalledFor returns for how long writes to a log store have been running without any of them finishing
// (of two stores, the longer time); 0 = no write is running.
func (d *Disk) StalledFor() time.Duration {
	return max(d.main.stalledFor(), d.coordinator.stalledFor())
}

// Close closes a disk that no Host owns. It makes all data durable, whatever the policy.
func (d *Disk) Close() error {
	failed := d.failed()
	err := d.closeStores()
	if err == nil && failed == nil {
		if !d.id.Sync {
			err = syncTree(filepath.Join(d.dir, logDir))
		}
		if err == nil {
			d.id.Clean = true
			err = d.writeIdentity()
		}
	}
	return errors.Join(err, failed, d.lock.Close())
}

func (d *Disk) failed() error {
	for _, s := range []*store{d.main, d.coordinator} {
		if s == nil {
			continue
		}
		if failed := s.failed.Load(); failed != nil {
			return *failed
		}
	}
	return nil
}

func (d *Disk) closeStores() error {
	var errs []error
	for _, s := range []*store{d.main, d.coordinator} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	d.main, d.coordinator = nil, nil
	return errors.Join(errs...)
}

// openStores opens, or makes, the stores of the current identity and checks that their logs have no
// holes and fit the snapshots.
func (d *Disk) openStores(cfg DiskConfig, boot string, logFS vfs.FS) (err error) {
	if !d.fresh && !d.id.Sync && cfg.Sync {
		// The last run did not sync. From now on its data must be durable too.
		if err := syncTree(filepath.Join(d.dir, logDir)); err != nil {
			return err
		}
	}
	// Clean is cleared first, because the stores change from here on.
	d.id.Sync, d.id.Boot, d.id.Clean = cfg.Sync, boot, false
	fresh := d.fresh
	if !fresh {
		if err := d.writeIdentity(); err != nil {
			return err
		}
	}

	syncing := privateFS{countFS{logFS, &d.counters}}
	var mainFS vfs.FS = syncing
	if !cfg.Sync {
		mainFS = noSyncFS{syncing}
	}
	if d.main, err = openStore(mainFS, filepath.Join(d.dir, logDir), fresh, cfg.Fatal, cfg.Logger); err != nil {
		return err
	}
	if d.extents, err = d.main.scan(); err != nil {
		return err
	}
	d.coordinator = d.main
	if d.id.Split {
		if d.coordinator, err = openStore(syncing, filepath.Join(d.dir, coordinatorDir), fresh, cfg.Fatal, cfg.Logger); err != nil {
			return err
		}
		extents, err := d.coordinator.scan()
		if err != nil {
			return err
		}
		if e, ok := extents[Coordinator]; ok {
			d.extents[Coordinator] = e
		}
	}
	if err := d.checkSnapshots(); err != nil {
		return err
	}
	if fresh {
		// Last, because a folder without an identity counts as never used.
		return d.writeIdentity()
	}
	return nil
}

// checkSnapshots returns an error for a log that begins neither with entry 1 nor inside or right after
// a readable snapshot.
func (d *Disk) checkSnapshots() error {
	for id, e := range d.extents {
		if e.first <= 1 {
			continue
		}
		snaps, err := d.snapshots(id)
		if err != nil {
			return err
		}
		index, err := snaps.newestReadable()
		if err != nil {
			return err
		}
		if e.first > index+1 {
			return fmt.Errorf("%w: the log of group %d begins at %d, its snapshot ends at %d", errDamaged, id, e.first, index)
		}
	}
	return nil
}

// log returns the log of a group.
func (d *Disk) log(id GroupID) *groupLog {
	s := d.main
	if id == Coordinator {
		s = d.coordinator
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.logs[id]
	if l == nil {
		l = &groupLog{s: s, id: id, extent: d.extents[id], written: &d.counters.entries}
		if d.logs == nil {
			d.logs = make(map[GroupID]*groupLog)
		}
		d.logs[id] = l
	}
	return l
}

// setAside moves all state into a lost-<id> folder and deletes earlier ones.
func (d *Disk) setAside() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	var state []string
	for _, e := range entries {
		switch name := e.Name(); {
		case name == logDir || name == coordinatorDir || name == snapDir || name == identityFile:
			state = append(state, name)
		case strings.HasPrefix(name, lostPrefix):
			if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
				return err
			}
		}
	}
	if len(state) == 0 {
		return nil
	}
	name := d.id.ID
	if name == "" {
		name = newDiskID()
	}
	to := filepath.Join(d.dir, lostPrefix+name)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range state {
		if err := os.Rename(filepath.Join(d.dir, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return durable.SyncFile(d.dir)
}

func (d *Disk) readIdentity() error {
	b, err := os.ReadFile(filepath.Join(d.dir, identityFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &d.id); err != nil {
		return err
	}
	if d.id.ID == "" {
		return errors.New("no id")
	}
	return nil
}

// writeIdentity replaces disk.json atomically and durably.
func (d *Disk) writeIdentity() error {
	b, err := json.MarshalIndent(d.id, "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(d.dir, identityFile), b, 0o600)
}

// syncTree makes all files and folders below root durable.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.SyncFile(path)
	})
}

// bootID returns the kernel's id of the current boot; "" if the system has none.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func newDiskID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
