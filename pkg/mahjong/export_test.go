package mahjong

// BuildSuitTable makes the table anew.
var BuildSuitTable = buildSuitTable
