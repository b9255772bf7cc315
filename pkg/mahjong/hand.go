package mahjong

type Hand struct{}

func New(rules Rules, deal Deal) (*Hand, error)   { return &Hand{}, nil }
func (h *Hand) Opening() Event                    { return Event{} }
func (h *Hand) Apply(c Command) ([]Event, error)  { return nil, nil }
func (h *Hand) Prompt(seat int) Prompt            { return Prompt{} }
func (h *Hand) Holding() bool                     { return false }
func (h *Hand) Finished() bool                    { return false }
func (h *Hand) View(viewer int) View              { return View{} }
func (h *Hand) Auto(seat int) Command             { return Command{} }
func (h *Hand) Result() (Result, bool)            { return Result{}, false }
func (h *Hand) Rules() Rules                      { return Rules{} }
func (h *Hand) MarshalBinary() ([]byte, error)    { return nil, nil }
func (h *Hand) UnmarshalBinary(data []byte) error { return nil }
func (e Event) For(viewer int) *Event             { return nil }
func (s *Shape) Win() bool                        { return false }
func (s *Shape) Waits() KindSet                   { return 0 }
func (s *Shape) Best(r *Rules, ctx Context) Score { return Score{} }
