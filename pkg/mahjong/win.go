package mahjong

// Shape is a hand as the evaluator sees it: concealed tiles by kind, open melds and
// the own void suit.
type Shape struct {
	Concealed Counts
	Melds     []MeldShape
	Void      Suit // NoSuit where none is chosen
}

// MeldShape is what counts of a meld.
type MeldShape struct {
	Type MeldKind
	Kind Kind
}
