package consul

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"

	"teahouse/registry"
)

// The meta keys for what a Consul service has no field for.
const (
	metaName     = registry.ReservedMetaPrefix + "name"
	metaRaftAddr = registry.ReservedMetaPrefix + "raft-addr"
)

// serviceID is the instance's name on the agent, where the services of all clusters share one name
// space. A cluster's name has no dot.
func (r *Registry) serviceID(instanceID string) string { return r.cfg.Cluster + "." + instanceID }

func checkID(serviceID string) string { return "ttl:" + serviceID }

// describe returns the registration of a valid instance.
func (r *Registry) describe(i registry.Instance) *api.AgentServiceRegistration {
	meta := make(map[string]string, len(i.Meta)+2)
	maps.Copy(meta, i.Meta)
	meta[metaName] = i.Name
	if i.RaftAddr != "" {
		meta[metaRaftAddr] = i.RaftAddr
	}
	id := r.serviceID(i.ID)
	s := &api.AgentServiceRegistration{
		ID:   id,
		Name: r.service(i.Role),
		Meta: meta,
		Check: &api.AgentServiceCheck{
			CheckID: checkID(id),
			Name:    "heartbeat",
			TTL:     r.cfg.TTL.String(),
			// A process that registers is alive; do not wait for its first heartbeat.
			Status:                         api.HealthPassing,
			DeregisterCriticalServiceAfter: r.cfg.DeregisterAfter.String(),
		},
	}
	if i.LinkAddr != "" {
		host, port, _ := net.SplitHostPort(i.LinkAddr) // validated
		s.Address = host
		s.Port, _ = strconv.Atoi(port)
	}
	return s
}

// instanceOf is the inverse of describe. It returns an error if somebody else registered a service
// under our name that is not an instance.
func (r *Registry) instanceOf(role string, s *api.AgentService) (registry.Instance, error) {
	if s == nil {
		return registry.Instance{}, fmt.Errorf("%w: no service", registry.ErrInvalidInstance)
	}
	id, ours := strings.CutPrefix(s.ID, r.serviceID(""))
	if !ours {
		return registry.Instance{}, fmt.Errorf("%w: service %q is not of cluster %s", registry.ErrInvalidInstance, s.ID, r.cfg.Cluster)
	}
	i := registry.Instance{ID: id, Role: role, Name: s.Meta[metaName], RaftAddr: s.Meta[metaRaftAddr]}
	if s.Port != 0 {
		i.LinkAddr = net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
	}
	for key, value := range s.Meta {
		if strings.HasPrefix(key, registry.ReservedMetaPrefix) {
			continue
		}
		if i.Meta == nil {
			i.Meta = make(map[string]string, len(s.Meta))
		}
		i.Meta[key] = value
	}
	return i, i.Validate()
}

// instancesOf returns the healthy instances among the entries, sorted by ID, and the errors of the
// entries that are not instances.
func (r *Registry) instancesOf(role string, entries []*api.ServiceEntry) (instances []registry.Instance, bad []error) {
	instances = make([]registry.Instance, 0, len(entries))
	for _, e := range entries {
		i, err := r.instanceOf(role, e.Service)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		instances = append(instances, i)
	}
	slices.SortStableFunc(instances, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) })
	// With several agents the same ID can be registered on two, if a process moved; the older entry
	// dies with its check. Until then, keep one of them.
	instances = slices.CompactFunc(instances, func(a, b registry.Instance) bool { return a.ID == b.ID })
	return instances, bad
}
