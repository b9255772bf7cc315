package shard

import (
	"google.golang.org/protobuf/proto"

	"teahouse/node/table"
	"teahouse/node/table/tablepb"
	"teahouse/pkg/fair"
	"teahouse/pkg/game"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/versions"
	"teahouse/pkg/wire/wirepb"
)

// maxMoveBytes bounds a game's move message, which its hand's archive keeps.
const maxMoveBytes = 1024

// OnState records that this replica now leads in term, or (leading false) that it does not.
func (s *Shard) OnState(leading bool, term uint64) {
	if !leading {
		term = 0
	}
	notLeader(s.inbox.lead(term))
}

func notLeader(items []item) {
	for _, it := range items {
		if it.answer != nil {
			it.answer(&table.Reply{Code: wirepb.Code_NOT_LEADER, Detail: "leadership lost before the proposal"})
		}
	}
}

// Handle handles a request of a gateway or of the coordinator. It does not block; reply is called
// exactly once, from any goroutine, and must not block. Apart from requests that cannot be proposed
// (NOT_LEADER, a bound), Handle itself refuses only what no state of the table would accept;
// everything else is decided when the command is applied.
func (s *Shard) Handle(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	if err := s.handle(from, req, reply); err != nil {
		reply(response(&table.Reply{Code: game.CodeOf(err, wirepb.Code_INTERNAL), Detail: err.Error()}))
	}
}

func (s *Shard) handle(from string, req *linkpb.Request, reply func(*linkpb.Response)) error {
	if req.GetMethod() == "cluster.create" {
		return s.handleCreate(req, reply)
	}
	id := game.TableID(req.GetTable())
	c := &tablepb.Command{Table: req.GetTable()}
	switch {
	case id.Shard() != s.cfg.Group:
		return game.Errorf(wirepb.Code_BAD_REQUEST, "table %v does not belong to shard %d", id, s.cfg.Group)
	case req.GetPlayer() == 0:
		return game.Errorf(wirepb.Code_NOT_LOGGED_IN, "no player")
	}
	switch req.GetMethod() {
	case "table.move":
		return s.handleMove(req, c, reply)
	case "table.attach":
		var m wirepb.AttachRequest
		if err := decode(req, &m); err != nil {
			return err
		}
		c.Body = &tablepb.Command_Attach{Attach: &tablepb.Attach{
			Player: req.GetPlayer(), Epoch: req.GetEpoch(), Gateway: from, Session: req.GetSession(), LastEvent: m.GetLastEvent(),
			LagMs: s.cfg.lag(req),
		}}
	case "table.leave":
		c.Body = &tablepb.Command_Leave{Leave: &tablepb.Leave{Player: req.GetPlayer(), Epoch: req.GetEpoch()}}
	default:
		return game.Errorf(wirepb.Code_UNKNOWN_METHOD, "%q is not a method of a table", req.GetMethod())
	}
	return s.propose(c, reply)
}

func (s *Shard) handleMove(req *linkpb.Request, c *tablepb.Command, reply func(*linkpb.Response)) error {
	var m wirepb.MoveRequest
	if err := decode(req, &m); err != nil {
		return err
	}
	if len(m.GetMove()) > maxMoveBytes {
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "a move of %d bytes, at most %d", len(m.GetMove()), maxMoveBytes)
	}
	if len(m.GetNonce()) > fair.MaxNonce {
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "a nonce of %d bytes, at most %d", len(m.GetNonce()), fair.MaxNonce)
	}
	if _, known := wirepb.AutoPlay_name[int32(m.GetAutoPlay())]; !known { // in the log it would halt the replicas
		return game.Errorf(wirepb.Code_MOVE_MALFORMED, "auto-play %d is not known", m.GetAutoPlay())
	}
	if m.GetReady() != 0 && s.cfg.Level() < levelClock {
		return game.Errorf(wirepb.Code_NOT_OFFERED, "the cluster runs at level %d, which does not know this", s.cfg.Level())
	}
	c.Body = &tablepb.Command_Move{Move: &tablepb.Move{
		Player: req.GetPlayer(), Epoch: req.GetEpoch(), Number: m.GetNumber(), Prompt: m.GetPrompt(),
		Move: m.GetMove(), AutoPlay: m.GetAutoPlay(), Nonce: m.GetNonce(), Hand: m.GetHand(),
		Ready: m.GetReady(), LagMs: s.cfg.lag(req),
	}}
	raw, err := proto.Marshal(c)
	if err != nil {
		return game.Errorf(wirepb.Code_BAD_REQUEST, "%v", err)
	}
	key := moveKey{table: req.GetTable(), player: req.GetPlayer()}
	open := &openMove{
		epoch: req.GetEpoch(), number: m.GetNumber(), payload: string(req.GetPayload()),
		replies: []func(*linkpb.Response){reply},
	}
	return refused(s.inbox.putMove(key, open, raw))
}

func (s *Shard) handleCreate(req *linkpb.Request, reply func(*linkpb.Response)) error {
	var spec linkpb.CreateTable
	if err := decode(req, &spec); err != nil {
		return err
	}
	id := game.TableID(spec.GetTable())
	if id.Shard() != s.cfg.Group || id.Seq() == 0 {
		return game.Errorf(wirepb.Code_BAD_REQUEST, "table %v does not belong to shard %d", id, s.cfg.Group)
	}
	if what := versions.Unknown(&spec); what != "" {
		// The coordinator's binary is newer. In the log, the command would halt the replicas that
		// do not know it. The coordinator retries, perhaps with a leader that does.
		return game.Errorf(wirepb.Code_UNAVAILABLE, "%s", what)
	}
	if spec.GetUntimed() && s.cfg.Level() < levelClock {
		return game.Errorf(wirepb.Code_UNAVAILABLE, "untimed tables need level %d, which this node has not heard of", levelClock)
	}
	create := &tablepb.Create{Spec: &spec, Timing: s.cfg.timing(&spec)}
	if int(s.tables.Load()) >= s.cfg.MaxTables {
		create.Refuse = "too many tables"
	} else if what := s.cfg.unknownPlay(&spec); what != "" {
		create.Refuse = "not known here: " + what
	} else if s.cfg.Refuse != nil {
		create.Refuse = s.cfg.Refuse()
	}
	return s.propose(&tablepb.Command{
		Table: spec.GetTable(), Body: &tablepb.Command_Create{Create: create},
	}, reply)
}

func (s *Shard) propose(c *tablepb.Command, reply func(*linkpb.Response)) error {
	raw, err := proto.Marshal(c)
	if err != nil {
		return game.Errorf(wirepb.Code_BAD_REQUEST, "%v", err)
	}
	return refused(s.inbox.put(item{command: raw, answer: func(r *table.Reply) { reply(response(r)) }}))
}

// refused returns the error for a code that the inbox returned; nil for OK.
func refused(code game.Code) error {
	switch code {
	case wirepb.Code_OK:
		return nil
	case wirepb.Code_NOT_LEADER:
		return game.Errorf(code, "this node does not lead the shard")
	case wirepb.Code_MOVE_IN_FLIGHT:
		return game.Errorf(code, "another move of this seat has no answer yet")
	}
	return game.Errorf(code, "too many requests are waiting")
}

func decode(req *linkpb.Request, m proto.Message) error {
	if err := proto.Unmarshal(req.GetPayload(), m); err != nil {
		return game.Errorf(wirepb.Code_BAD_REQUEST, "%s: %v", req.GetMethod(), err)
	}
	return nil
}

func response(r *table.Reply) *linkpb.Response {
	return &linkpb.Response{Code: r.Code, Detail: r.Detail, Payload: r.Payload}
}

func internalError(detail string) *table.Reply {
	return &table.Reply{Code: wirepb.Code_INTERNAL, Detail: detail}
}
