// Package ab compares two revisions of Teahouse on one machine: it builds both, starts a
// fresh cluster of each in turns (A B B A …), lets a swarm of the same revision play on it,
// and says what a move cost on either side.
//
//	r, err := ab.New(ab.Config{A: ".", B: "../old", Players: []int{200}, Pairs: 5})
//	result, err := r.Run(ctx)
//	result.Print(os.Stdout)
//
// Absolute figures of a machine that does something else besides mean little. What counts is
// the ratio of two runs that followed each other, and how far the pairs' ratios
// lie apart; a comparison of a revision with itself shows what is noise.
//
// It relies on little of a revision, so that old ones can be measured: the flags that
// cluster.go and swarm.go give, the keys of the state file and of the status pages
// in page.go, and the swarm's --json. A counter that a revision does not have is missing in
// its figures. It runs nothing in this process and breaks nothing. Only bench imports it.
package ab
