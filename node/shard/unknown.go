package shard

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"teahouse/node/table/tablepb"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// read decodes a whole entry before any part of it takes effect. If this binary does not know
// something in it, unknown says what, and the replica halts. Commands that are merely invalid pass: the state
// refuses them, in the same way on every replica.
func (s *Shard) read(data []byte) (b *tablepb.Batch, commands []tablepb.Command, unknown string) {
	b = new(tablepb.Batch)
	if err := proto.Unmarshal(data, b); err != nil {
		return nil, nil, "an entry that is not a batch"
	}
	if what := versions.Unknown(b); what != "" {
		return nil, nil, what
	}
	commands = make([]tablepb.Command, len(b.GetCommands()))
	for i, raw := range b.GetCommands() {
		c := &commands[i]
		if err := proto.Unmarshal(raw, c); err != nil {
			return nil, nil, fmt.Sprintf("command %d is malformed", i)
		}
		if what := s.unknown(c); what != "" {
			return nil, nil, fmt.Sprintf("command %d: %s", i, what)
		}
	}
	return b, commands, ""
}

// unknown says what in a command this binary does not know, or "". The most frequent commands have a fast
// path, which gives the same answer as versions.Unknown.
func (s *Shard) unknown(c *tablepb.Command) string {
	var body proto.Message
	known := true
	switch b := c.GetBody().(type) {
	case *tablepb.Command_Move:
		_, known = wirepb.AutoPlay_name[int32(b.Move.GetAutoPlay())]
		body = b.Move
	case *tablepb.Command_Bot:
		body = b.Bot
	case *tablepb.Command_Deadline:
		body = b.Deadline
	case *tablepb.Command_Attach:
		body = b.Attach
	case *tablepb.Command_Create:
		// A refused creation never uses its game.
		if spec := b.Create.GetSpec(); b.Create.GetRefuse() == "" {
			if what := s.cfg.unknownPlay(spec); what != "" {
				return what
			}
		}
	case nil:
		return "a command without a known body"
	}
	if body != nil && known && len(c.ProtoReflect().GetUnknown())+len(body.ProtoReflect().GetUnknown()) == 0 {
		return ""
	}
	return versions.Unknown(c)
}

// unknownTable does the same for a table in a snapshot.
func (s *Shard) unknownTable(m *tablepb.Table) string {
	if what := s.cfg.unknownGame(m.GetGame(), m.GetGameVersion()); what != "" {
		return what
	}
	return versions.Unknown(m)
}

// unknownGame names the game, or the version of it, that this binary does not know; "" if it knows both.
func (c *Config) unknownGame(name string, version uint32) string {
	switch g := c.Games[name]; {
	case g == nil:
		return fmt.Sprintf("the game %.64q", name)
	case version > g.Version():
		return fmt.Sprintf("version %d of the game %.64q (this binary knows up to %d)", version, name, g.Version())
	}
	return ""
}

// unknownPlay says which game, version or rules of a new table this binary does not know, or "".
func (c *Config) unknownPlay(spec *linkpb.CreateTable) (what string) {
	if what := c.unknownGame(spec.GetGame(), spec.GetGameVersion()); what != "" {
		return what
	}
	defer func() {
		if recover() != nil {
			what = "" // the state refuses it, in the same way on every replica
		}
	}()
	if _, err := c.Games[spec.GetGame()].Rules(spec.GetRules()); err != nil {
		return fmt.Sprintf("rules of the game %.64q: %v", spec.GetGame(), err)
	}
	return ""
}
