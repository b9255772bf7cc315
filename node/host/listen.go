package host

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
)

// listener is an open port and the address under which others dial it.
type listener struct {
	net.Listener
	address string
}

// Close returns no error if a server that used the port has closed it already.
func (l listener) Close() error {
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (c Config) open(listen string) (listener, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return listener{}, err
	}
	addr := l.Addr().(*net.TCPAddr)
	host := c.Advertise
	if host == "" {
		if addr.IP.IsUnspecified() {
			l.Close()
			return listener{}, errors.New("host: a node that listens on all addresses must say under which host the others reach it: --advertise HOST")
		}
		host = addr.AddrPort().Addr().Unmap().String() // includes an IPv6 zone
	}
	return listener{l, net.JoinHostPort(host, fmt.Sprint(addr.Port))}, nil
}

// hostName matches DNS names, but not those whose last label is a number, which are mistyped addresses.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]*[A-Za-z_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$`)

// advertised returns Config.Advertise in the form for net.JoinHostPort, so without the brackets of IPv6.
func advertised(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	host := s
	if inner, found := strings.CutPrefix(s, "["); found {
		if inner, found = strings.CutSuffix(inner, "]"); found {
			if addr, err := netip.ParseAddr(inner); err != nil || !addr.Is6() {
				return "", fmt.Errorf("host: --advertise %s: what is in brackets is not an IPv6 address", s)
			}
			host = inner
		}
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && (addr.IsUnspecified() || addr.IsMulticast()):
		return "", fmt.Errorf("host: --advertise %s: nobody can call that; want an address of this machine", s)
	case err == nil:
		return host, nil
	case len(host) <= 253 && hostName.MatchString(host):
		return host, nil
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		return "", fmt.Errorf("host: --advertise %s: want the host alone, %s; the port %s is set where the node listens, with --link and --raft", s, host, port)
	}
	return "", fmt.Errorf("host: --advertise %s: want a host name or an IP address", s)
}

// loopback reports whether address can be reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
