package main

import (
	"runtime/debug"

	"golang.org/x/mod/semver"
)

// engineModule is the module of the engine.
const engineModule = "github.com/GoCodeAlone/workflow"

// checkout is the version of an engine that has none, as Go names it.
const checkout = "(devel)"

// newest is the revision of an engine whose version is not known, such as one that is built from a checkout.
const newest = "head"

// firsts are the revisions of the contract at which this can act, each beside the first version of the engine that does.
// Between the last two of them nothing changed. At those before the first, the engine hands plans over by Apply to providers
// that do not declare v2.
var firsts = []struct {
	version   string
	revisions []string
}{
	{"v0.57.0", []string{"0.57"}},
	{"v0.60.7", []string{"0.60"}},
	{"v0.64.3", []string{"0.64"}},
	{"v0.68.2", []string{"0.68"}},
	{"v0.69.1", []string{"0.69"}},
	{"v0.73.0", []string{"0.73"}},
	{"v0.80.10", []string{"0.80", newest}},
	{"v0.85.5", []string{newest}},
}

// engineVersion is the version of the engine that this program is built with; checkout where it has none.
func engineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return checkout
	}
	for _, module := range info.Deps {
		if module.Path != engineModule {
			continue
		}
		if module.Replace != nil {
			return module.Replace.Version
		}
		return module.Version
	}
	// It is built within the engine's own module.
	return checkout
}

// revisions are those as whose engine a version can act.
func revisions(version string) []string {
	if !semver.IsValid(version) {
		return []string{newest}
	}
	found := firsts[0].revisions
	for _, first := range firsts {
		if semver.Compare(first.version, version) <= 0 {
			found = first.revisions
		}
	}
	return found
}

// subject names in reports what is tested.
func subject(version string) string {
	return engineModule + " " + version + clientNamed
}
