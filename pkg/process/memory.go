package process

import (
	"os"
	"runtime/debug"
)

// How the garbage collector is set where the environment does not say. Live heaps are small
// here, so Go's default would collect many times a second; the limit, which is soft, keeps a
// large one from growing fivefold.
const (
	gcPercent   = 400
	memoryLimit = 1 << 30 // bytes
)

// SetMemory sets the garbage collector for a process that serves. GOGC and GOMEMLIMIT
// have precedence.
func SetMemory() { setMemory(os.LookupEnv) }

func setMemory(env func(string) (string, bool)) {
	if value, _ := env("GOGC"); value == "" {
		debug.SetGCPercent(gcPercent)
	}
	if value, _ := env("GOMEMLIMIT"); value == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
