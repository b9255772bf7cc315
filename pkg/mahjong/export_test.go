package mahjong

// BuildSuitTable builds the table again.
var BuildSuitTable = buildSuitTable
