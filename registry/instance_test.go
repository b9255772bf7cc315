package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func valid() Instance {
	return Instance{
		ID: "node-1.a_B", Name: "node-1", Role: RoleNode,
		LinkAddr: "127.0.0.1:7801", RaftAddr: "[::1]:7901",
		Meta: map[string]string{"zone": "a"},
	}
}

func TestValidate(t *testing.T) {
	manyPairs := map[string]string{}
	for i := range MaxMeta + 1 {
		manyPairs[fmt.Sprint(i)] = ""
	}
	for _, test := range []struct {
		name   string
		change func(*Instance)
		ok     bool
	}{
		{"as it is", func(*Instance) {}, true},
		{"gateway without addresses", func(i *Instance) { i.Role, i.LinkAddr, i.RaftAddr, i.Meta = RoleGateway, "", "", nil }, true},
		{"host name", func(i *Instance) { i.LinkAddr = "node-1.teahouse.svc:7801" }, true},
		{"longest id", func(i *Instance) { i.ID = strings.Repeat("x", MaxIDLen) }, true},
		{"no id", func(i *Instance) { i.ID = "" }, false},
		{"id too long", func(i *Instance) { i.ID = strings.Repeat("x", MaxIDLen+1) }, false},
		{"id leaves its path", func(i *Instance) { i.ID = "../x" }, false},
		{"id is a path", func(i *Instance) { i.ID = ".." }, false},
		{"id with a question", func(i *Instance) { i.ID = "x?y" }, false},
		{"id with a line", func(i *Instance) { i.ID = "x\ny" }, false},
		{"no name", func(i *Instance) { i.Name = "" }, false},
		{"name with spaces", func(i *Instance) { i.Name = "node 1" }, false},
		{"unknown role", func(i *Instance) { i.Role = "dealer" }, false},
		{"address without port", func(i *Instance) { i.LinkAddr = "127.0.0.1" }, false},
		{"address without host", func(i *Instance) { i.LinkAddr = ":7801" }, false},
		{"port 0", func(i *Instance) { i.LinkAddr = "127.0.0.1:0" }, false},
		{"port with zeros", func(i *Instance) { i.LinkAddr = "127.0.0.1:07801" }, false},
		{"port too high", func(i *Instance) { i.RaftAddr = "127.0.0.1:65536" }, false},
		{"address too long", func(i *Instance) { i.RaftAddr = strings.Repeat("x", MaxAddrLen) + ":1" }, false},
		{"too many pairs", func(i *Instance) { i.Meta = manyPairs }, false},
		{"empty key", func(i *Instance) { i.Meta = map[string]string{"": "x"} }, false},
		{"key with a dot", func(i *Instance) { i.Meta = map[string]string{"a.b": "x"} }, false},
		{"key of ours", func(i *Instance) { i.Meta = map[string]string{ReservedMetaPrefix + "name": "x"} }, false},
		{"key of Consul", func(i *Instance) { i.Meta = map[string]string{"consul-x": "x"} }, false},
		{"key too long", func(i *Instance) { i.Meta = map[string]string{strings.Repeat("k", MaxMetaKeyLen+1): "x"} }, false},
		{"value too long", func(i *Instance) { i.Meta = map[string]string{"k": strings.Repeat("v", MaxMetaValueLen+1)} }, false},
	} {
		instance := valid()
		test.change(&instance)
		err := instance.Validate()
		if test.ok && err != nil || !test.ok && !errors.Is(err, ErrInvalidInstance) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && len(err.Error()) > 500 {
			t.Errorf("%s: the error has %d bytes", test.name, len(err.Error()))
		}
	}
}

func TestEqual(t *testing.T) {
	for name, change := range map[string]func(*Instance){
		"id":    func(i *Instance) { i.ID = "x" },
		"name":  func(i *Instance) { i.Name = "x" },
		"role":  func(i *Instance) { i.Role = RoleGateway },
		"link":  func(i *Instance) { i.LinkAddr = "" },
		"raft":  func(i *Instance) { i.RaftAddr = "" },
		"value": func(i *Instance) { i.Meta = map[string]string{"zone": "b"} },
		"pair":  func(i *Instance) { i.Meta = nil },
	} {
		a, b := valid(), valid()
		if !a.Equal(b) {
			t.Fatal("an instance differs from itself")
		}
		change(&b)
		if a.Equal(b) || b.Equal(a) {
			t.Errorf("a different %s has no effect", name)
		}
	}
	none, empty := valid(), valid()
	none.Meta, empty.Meta = nil, map[string]string{}
	if !none.Equal(empty) {
		t.Error("nil Meta differs from an empty one")
	}
}
