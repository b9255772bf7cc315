package daemon

import (
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports that no system gives out by itself: on Linux those begin at 32768, elsewhere later.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// FreeAddress returns an address of host that nobody listens on now, for a process that
// binds it later, perhaps several times. Port 0 would not do for that: the system may
// give the same port to a connection or to another listener meanwhile.
func FreeAddress(host string) (addr string, err error) {
	for range 100 {
		var l net.Listener
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
