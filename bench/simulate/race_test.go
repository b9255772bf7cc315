//go:build race

package simulate

// raceDetector means that everything is ten times slower.
const raceDetector = true
