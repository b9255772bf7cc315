package host

import (
	"net"
	"strings"
	"testing"
)

// TestAdvertised: every valid name of a machine is accepted, and the result can be dialled with a port.
func TestAdvertised(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"node-1":              "node-1",
		"node-1.example.com":  "node-1.example.com",
		"node-1.example.com.": "node-1.example.com.",
		"n_1.svc":             "n_1.svc",
		"1st":                 "1st",
		"10.0.0.7.example":    "10.0.0.7.example",
		"10.0.0.7":            "10.0.0.7",
		"::1":                 "::1",
		"[::1]":               "::1",
		"2001:db8::7":         "2001:db8::7",
		"[2001:db8::7]":       "2001:db8::7",
		"fe80::7%eth0":        "fe80::7%eth0",
		"[fe80::7%eth0]":      "fe80::7%eth0",
		"::ffff:10.0.0.7":     "::ffff:10.0.0.7",
	} {
		got, err := advertised(in)
		if err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", in, got, err, want)
			continue
		}
		if host, port, err := net.SplitHostPort(net.JoinHostPort(got, "1")); err != nil || host != want || port != "1" {
			t.Errorf("%q with a port is %q, %q, %v", in, host, port, err)
		}
	}
	for in, says := range map[string]string{
		"10.0.0.7:7000":          "--link and --raft",
		"node-1:7000":            "--link and --raft",
		"[::1]:7000":             "--link and --raft",
		"node-1:":                "--link and --raft",
		":7000":                  "--link and --raft",
		"0.0.0.0":                "nobody can call that",
		"::":                     "nobody can call that",
		"[::]":                   "nobody can call that",
		"224.0.0.1":              "nobody can call that",
		"[10.0.0.7]":             "not an IPv6 address",
		"[node-1]":               "not an IPv6 address",
		"[]":                     "not an IPv6 address",
		"[::1":                   "want a host name",
		"::1]":                   "want a host name",
		"10.0.0":                 "want a host name",
		"10.0.0.700":             "want a host name",
		"10.0.0.0/8":             "want a host name",
		"http://node-1":          "want",
		"node 1":                 "want a host name",
		" node-1":                "want a host name",
		"-node":                  "want a host name",
		"a..b":                   "want a host name",
		"b\u00fcro":              "want a host name",
		strings.Repeat("a", 300): "want a host name",
	} {
		if got, err := advertised(in); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %q, %v, want an error with %q", in, got, err, says)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.8.8.8:1": true, "localhost:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true,
		"10.0.0.1:1": false, "[fe80::1%lo]:1": false, "node-1:1": false, "": false, "127.0.0.1": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}

// TestListen: a node tells the others an address that they can dial.
func TestListen(t *testing.T) {
	for _, c := range []struct{ listen, advertise, want string }{
		{"127.0.0.1:0", "", "127.0.0.1"}, {"0.0.0.0:0", "node-1", "node-1"}, {"127.0.0.1:0", "::1", "::1"}, {":0", "", ""},
	} {
		l, err := Config{Advertise: c.advertise}.open(c.listen)
		if c.want == "" {
			if err == nil {
				l.Close()
				t.Errorf("%+v is fine", c)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if host, _, err := net.SplitHostPort(l.address); err != nil || host != c.want {
			t.Errorf("%+v: %s, %v", c, l.address, err)
		}
		l.Close()
	}
}
