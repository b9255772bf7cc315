package mahjong

// PromptKind says what a seat is asked.
type PromptKind uint8

// The prompts. PromptRob is asked when another seat declares a bu-gang.
const (
	PromptNone PromptKind = iota
	PromptSwap
	PromptVoid
	PromptTurn
	PromptClaim
	PromptRob
)

var promptNames = [...]string{"none", "swap", "void", "turn", "claim", "rob"}

// String returns the name of a prompt kind.
func (k PromptKind) String() string {
	if int(k) < len(promptNames) {
		return promptNames[k]
	}
	return "unknown"
}

// Prompt is an open question to one seat with the exact set of its legal answers.
// They do not change while the prompt is open.
type Prompt struct {
	// Serial distinguishes the prompts of one hand, whichever seat they were for; 0 means that the
	// seat has no open prompt. It counts the prompts of all seats, so it must not be shown to a
	// player.
	Serial uint32
	Kind   PromptKind

	Hu      bool   // turn, claim, rob
	An, Bu  []Kind // turn, ascending
	Discard []Tile // turn: every tile that may be discarded, ascending
	Gang    bool   // claim
	Peng    bool   // claim

	// Locked means that the hand is fixed (turn). A seat without a choice is not to be told from one that has
	// one, so others must not learn of the question.
	Locked bool

	Tile Tile // claim, rob: the tile in question; else NoTile
	From int  // claim, rob: who discarded or declared it; else -1
}
