package process

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"teahouse/pkg/wire"
)

// Version says what this binary is, in two lines: module version and revision as the build
// has stamped them, then the clients' protocol and Go.
func Version() string {
	build, _ := debug.ReadBuildInfo()
	return describe(build)
}

func describe(build *debug.BuildInfo) string {
	version := "(devel)"
	var details []string
	if build != nil {
		if build.Main.Version != "" {
			version = build.Main.Version
		}
		settings := make(map[string]string)
		for _, s := range build.Settings {
			settings[s.Key] = s.Value
		}
		if revision := settings["vcs.revision"]; revision != "" {
			details = append(details, "revision "+revision[:min(12, len(revision))])
		}
		if time := settings["vcs.time"]; time != "" {
			details = append(details, time)
		}
		if settings["vcs.modified"] == "true" {
			details = append(details, "modified")
		}
		if tags := settings["-tags"]; tags != "" {
			details = append(details, "tags "+tags)
		}
	}
	if len(details) == 0 {
		details = []string{"no revision"}
	}
	return fmt.Sprintf("%s (%s)\nprotocol %d, %s %s/%s", version, strings.Join(details, ", "), wire.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
