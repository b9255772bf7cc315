package bot

import "teahouse/pkg/mahjong"

type strong struct{ middle }

func newStrong(_ mahjong.Rules, m *memo) *strong { return &strong{middle{m}} }
