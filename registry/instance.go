package registry

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
)

// The roles that a process can have.
const (
	RoleNode    = "node"
	RoleGateway = "gateway"
)

// Bounds of an Instance. Those of Meta are Consul's own, less the pairs that an implementation
// adds.
const (
	MaxIDLen        = 128
	MaxAddrLen      = 256
	MaxMeta         = 48
	MaxMetaKeyLen   = 64
	MaxMetaValueLen = 512
)

var (
	// ErrInvalidInstance is wrapped by the errors of Instance.Validate; the text names the field.
	ErrInvalidInstance = errors.New("registry: invalid instance")
	// ErrInvalidRole refuses to watch a role that does not exist.
	ErrInvalidRole = errors.New("registry: invalid role")
	// ErrClosed is returned after Registry.Close.
	ErrClosed = errors.New("registry: closed")
)

// Instance is one running process.
type Instance struct {
	// ID is unique among all instances of all roles: 1 to MaxIDLen of the characters
	// A-Z a-z 0-9 . _ -
	ID string
	// Name identifies the process to operators, with the same characters. Unlike the ID it may stay
	// the same when the process moves to another disk.
	Name string
	// Role is RoleNode or RoleGateway.
	Role string
	// LinkAddr is the host:port at which gateways reach a node; empty for a gateway.
	LinkAddr string
	// RaftAddr is the host:port at which nodes reach each other; empty for a gateway.
	RaftAddr string
	// Meta is anything else that peers should know: server id, zone, weight. Keys consist of the
	// characters A-Z a-z 0-9 _ - and begin with neither "consul-" nor "teahouse-".
	Meta map[string]string
}

// Validate returns an error that wraps ErrInvalidInstance if a field is out of bounds.
func (i Instance) Validate() error {
	if !validName(i.ID) {
		return fmt.Errorf("%w: id %q", ErrInvalidInstance, clip(i.ID))
	}
	if !validName(i.Name) {
		return fmt.Errorf("%w: name %q of %s", ErrInvalidInstance, clip(i.Name), i.ID)
	}
	if !ValidRole(i.Role) {
		return fmt.Errorf("%w: role %q of %s", ErrInvalidInstance, clip(i.Role), i.ID)
	}
	if !validAddr(i.LinkAddr) {
		return fmt.Errorf("%w: link address %q of %s", ErrInvalidInstance, clip(i.LinkAddr), i.ID)
	}
	if !validAddr(i.RaftAddr) {
		return fmt.Errorf("%w: raft address %q of %s", ErrInvalidInstance, clip(i.RaftAddr), i.ID)
	}
	if len(i.Meta) > MaxMeta {
		return fmt.Errorf("%w: %d meta pairs of %s, at most %d", ErrInvalidInstance, len(i.Meta), i.ID, MaxMeta)
	}
	for key, value := range i.Meta {
		if !validMetaKey(key) || len(value) > MaxMetaValueLen {
			return fmt.Errorf("%w: meta %q of %s", ErrInvalidInstance, clip(key), i.ID)
		}
	}
	return nil
}

// Equal reports whether both describe the same process with the same data. A nil Meta
// equals an empty one.
func (i Instance) Equal(other Instance) bool {
	return i.ID == other.ID && i.Name == other.Name && i.Role == other.Role &&
		i.LinkAddr == other.LinkAddr && i.RaftAddr == other.RaftAddr &&
		maps.Equal(i.Meta, other.Meta)
}

// ValidRole reports whether a process can have the role.
func ValidRole(role string) bool { return role == RoleNode || role == RoleGateway }

// validName keeps ids usable as a segment of a URL without escaping.
func validName(s string) bool {
	if s == "" || len(s) > MaxIDLen || s == "." || s == ".." {
		return false
	}
	for _, c := range []byte(s) {
		if !alphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ReservedMetaPrefix begins the meta keys that implementations use themselves.
const ReservedMetaPrefix = "teahouse-"

func validMetaKey(s string) bool {
	if s == "" || len(s) > MaxMetaKeyLen || strings.HasPrefix(s, "consul-") || strings.HasPrefix(s, ReservedMetaPrefix) {
		return false
	}
	for _, c := range []byte(s) {
		if !alphanumeric(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// validAddr accepts an empty address or a host:port that a peer can dial.
func validAddr(addr string) bool {
	if addr == "" {
		return true
	}
	if len(addr) > MaxAddrLen {
		return false
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == port // no other spelling, such as 080
}

// clip keeps error texts short, whatever the input.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
