//go:build race

package simulate

// raceDetector says that everything is ten times slower.
const raceDetector = true
