package coordinator

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"teahouse/node/coordinator/coordpb"
	"teahouse/pkg/game"
	"teahouse/pkg/link"
	"teahouse/pkg/link/linkpb"
	"teahouse/pkg/token"
	"teahouse/pkg/wire/wirepb"
)

// Bounds of a request's content. They do not depend on the state, so a request that exceeds them is
// refused without the log.
const (
	maxName       = 32 // runes of a guest's name
	maxQueueName  = 64 // bytes
	maxEndPlayers = 16
	maxServer     = 255 // bytes of a node's name and of a Raft server id
)

// Handle executes auth.guest, auth.resume, queue.join, queue.cancel, queue.binding, queue.list,
// cluster.ended or cluster.join. from is the link's peer: the gateway that pushes go to or, for the
// last two methods, a node; the caller must check that it is one. It does not block; reply is called
// exactly once, from any goroutine.
func (c *Coordinator) Handle(from string, req *linkpb.Request, reply func(*linkpb.Response)) {
	if req.GetMethod() == "queue.list" {
		reply(c.list(req))
		return
	}
	command, err := read(from, req)
	if err != nil {
		reply(&linkpb.Response{Code: game.CodeOf(err, wirepb.Code_INTERNAL), Detail: err.Error()})
		return
	}
	r := request{command: command, reply: reply}
	if code := c.in.put(r); code != wirepb.Code_OK {
		r.refuse(code)
	}
}

// read returns the command for a request.
func read(from string, req *linkpb.Request) (*coordpb.Command, error) {
	place := &coordpb.Place{Gateway: from, Session: req.GetSession()}
	player, epoch := req.GetPlayer(), req.GetEpoch()
	if player == 0 && strings.HasPrefix(req.GetMethod(), "queue.") {
		return nil, game.Errorf(wirepb.Code_NOT_LOGGED_IN, "no player")
	}
	switch req.GetMethod() {
	case "auth.guest":
		m := &wirepb.GuestRequest{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		name, err := cleanName(m.GetName())
		if err != nil {
			return nil, err
		}
		return &coordpb.Command{Body: &coordpb.Command_Guest{Guest: &coordpb.Guest{Name: name, Place: place}}}, nil
	case "auth.resume": // the gateway has verified the token and removed it
		if player == 0 {
			return nil, game.Errorf(wirepb.Code_TOKEN_INVALID, "no player")
		}
		m := &wirepb.ResumeRequest{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		return &coordpb.Command{Body: &coordpb.Command_Resume{Resume: &coordpb.Resume{
			Player: player, Place: place, Device: m.GetDevice(), Attempt: m.GetAttempt(),
		}}}, nil
	case "queue.join":
		m := &wirepb.JoinRequest{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		if m.GetNumber() == 0 || len(m.GetQueue()) > maxQueueName || len(m.GetMode()) > maxQueueName {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "number 0 or a name that is too long")
		}
		return &coordpb.Command{Body: &coordpb.Command_Join{Join: &coordpb.Join{
			Player: player, Epoch: epoch, Number: m.GetNumber(),
			Queue: m.GetQueue(), Mode: m.GetMode(), Stake: m.GetStake(), Hands: m.GetHands(),
		}}}, nil
	case "queue.cancel":
		m := &wirepb.CancelRequest{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		if m.GetNumber() == 0 {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "number 0")
		}
		return &coordpb.Command{Body: &coordpb.Command_Cancel{Cancel: &coordpb.Cancel{
			Player: player, Epoch: epoch, Number: m.GetNumber(), Ticket: m.GetTicket(),
		}}}, nil
	case "queue.binding":
		return &coordpb.Command{Body: &coordpb.Command_Binding{Binding: &coordpb.Binding{Player: player, Epoch: epoch}}}, nil
	case link.MethodJoin:
		m := &linkpb.Join{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		if len(m.GetName()) > maxServer || len(m.GetServer()) > maxServer {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "a name that is too long")
		}
		if err := checkVersions(m.GetVersions()); err != nil {
			return nil, err
		}
		return &coordpb.Command{Body: &coordpb.Command_Replace{Replace: &coordpb.Replace{
			Name: m.GetName(), Server: m.GetServer(), Versions: m.GetVersions(),
		}}}, nil
	case "cluster.ended":
		m := &linkpb.TableEnded{}
		if err := decode(req, m); err != nil {
			return nil, err
		}
		if len(m.GetPlayers()) > maxEndPlayers {
			return nil, game.Errorf(wirepb.Code_BAD_REQUEST, "%d players", len(m.GetPlayers()))
		}
		return &coordpb.Command{Body: &coordpb.Command_Ended{Ended: &coordpb.Ended{Table: m.GetTable(), Players: m.GetPlayers()}}}, nil
	}
	return nil, game.Errorf(wirepb.Code_UNKNOWN_METHOD, "the coordinator does not know %.64q", req.GetMethod())
}

func decode(req *linkpb.Request, m proto.Message) error {
	if err := proto.Unmarshal(req.GetPayload(), m); err != nil {
		return game.Errorf(wirepb.Code_BAD_REQUEST, "%s: %v", req.GetMethod(), err)
	}
	return nil
}

// cleanName trims a name and refuses one with characters that could disturb other players' screens.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if utf8.RuneCountInString(name) > maxName {
		return "", game.Errorf(wirepb.Code_BAD_REQUEST, "name of more than %d characters", maxName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return "", game.Errorf(wirepb.Code_BAD_REQUEST, "name with an unprintable character %U", r)
		}
	}
	return name, nil
}

// response encodes the result of an applied command as the answer to its request.
func (c *Coordinator) response(command *coordpb.Command, r result, now time.Time) (*linkpb.Response, error) {
	var m proto.Message
	switch command.GetBody().(type) {
	case *coordpb.Command_Guest, *coordpb.Command_Resume:
		if r.code != wirepb.Code_OK {
			break
		}
		text, err := c.cfg.Signer.Sign(token.Claims{Player: uint64(r.player), Guest: true}, now)
		if err != nil {
			return nil, err
		}
		m = &wirepb.LoginReply{
			Player: uint64(r.player), Name: r.name, Token: text, Epoch: r.epoch,
			Ticket: r.ticket, Table: uint64(r.table),
		}
	case *coordpb.Command_Join:
		m = &wirepb.JoinReply{Ticket: r.ticket, Table: uint64(r.table)}
	case *coordpb.Command_Cancel:
		m = &wirepb.CancelReply{Table: uint64(r.table)}
	case *coordpb.Command_Binding:
		m = &wirepb.BindingReply{Ticket: r.ticket, Table: uint64(r.table), Progress: c.progress(r.ticket, now)}
	}
	out := &linkpb.Response{Code: r.code}
	if m == nil {
		return out, nil
	}
	var err error
	out.Payload, err = proto.Marshal(m)
	return out, err
}
