package units

import (
	"strings"
	"testing"
)

// Who may use the control socket is looked up when the settings are read, so that a group that is not there is an error with a
// place.
func TestControlSettings(t *testing.T) {
	for settings, want := range map[string]Settings{
		"":                        {ControlGID: -1},
		`control_group = "www"`:   {ControlGroup: "www", ControlGID: 33},
		`control_others = "read"`: {ControlGID: -1, ControlOthers: ControlOthersRead},
	} {
		host(t, map[string]string{"sockbridge.toml": "[settings]\n" + settings + "\n", "conf.d/a.toml": web("81")})
		set := loadDirs(t, func(o *Options) { o.Settings = "sockbridge.toml" })
		want.DrainTimeoutSec = DefaultDrainTimeout
		if set.Settings != want || len(set.Problems) > 0 {
			t.Errorf("%q: %+v, want %+v; %v", settings, set.Settings, want, set.Problems)
		}
	}
	for settings, want := range map[string]string{
		`control_group = "nosuch"`:  `sockbridge.toml:2:17: error: control_group "nosuch" does not exist`,
		`control_group = 7`:         "must be a string",
		`control_others = "write"`:  "must be one of",
		`control_others = "nothin"`: "must be one of",
	} {
		host(t, map[string]string{"sockbridge.toml": "[settings]\n" + settings + "\n", "conf.d/a.toml": web("81")})
		set := loadDirs(t, func(o *Options) { o.Settings = "sockbridge.toml" })
		if !strings.Contains(set.Problems.String(), want) {
			t.Errorf("%q: %s, want %q", settings, set.Problems, want)
		}
	}
}
