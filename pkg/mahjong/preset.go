package mahjong

// Preset is a rule set with a name.
type Preset struct {
	Name  string
	Rules string // JSON for ParseRules
}

// Presets lists the named rule sets, the default one first.
func Presets() []Preset {
	return []Preset{
		{"xuezhan", `{}`},
		{"xueliu", `{"mode":"xueliu","cap":6}`},
		// The competition rules of the Mahjong International League, except for their penalty of 24
		// and the lock by one's own discard.
		{"sbr", `{"swap":false,"cap":3,"transfer":"refund","jiangdui":false,"daiyaojiu":0,"tiandihu":0}`},
	}
}
