package raftgroup

import "errors"

var (
	// ErrNotLeader: this replica does not lead the group; the entry is in no log.
	ErrNotLeader = errors.New("raftgroup: not the leader")

	// ErrBusy: the leader cannot accept the entry now (a bound is reached or a leadership transfer is
	// in progress); the entry is in no log.
	ErrBusy = errors.New("raftgroup: busy")

	// ErrTooLarge: the entry is larger than MaxEntry; it is in no log.
	ErrTooLarge = errors.New("raftgroup: entry too large")

	// ErrUnknown: the leadership or the group ended before the entry was known
	// to be committed. It may be committed later, or never.
	ErrUnknown = errors.New("raftgroup: outcome unknown")

	// ErrStopped: the group or the host is stopped; the entry is in no log.
	ErrStopped = errors.New("raftgroup: stopped")

	// ErrNotMember: the server is not a member of the group, or not a voter although it must be.
	ErrNotMember = errors.New("raftgroup: not a member of the group")

	// ErrExists: the host runs a group with this id already.
	ErrExists = errors.New("raftgroup: group is already running")

	// ErrDiskPolicy: the data folder was made with the policy `sync`, with one store for all groups,
	// and cannot be opened without syncing.
	ErrDiskPolicy = errors.New("raftgroup: data folder was made with another sync policy")

	// ErrWrongCluster: the peer belongs to another cluster.
	ErrWrongCluster = errors.New("raftgroup: peer belongs to another cluster")

	// ErrWrongSecret: the peer does not know the cluster secret.
	ErrWrongSecret = errors.New("raftgroup: peer does not know the cluster secret")

	// ErrWrongVersion: the two sides have no version of the protocol in common.
	ErrWrongVersion = errors.New("raftgroup: no version of the protocol in common")

	// ErrWrongServer: another server listens at the peer's address.
	ErrWrongServer = errors.New("raftgroup: another server answers at this address")
)
