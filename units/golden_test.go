package units

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files and the tables of docs/unit-file.md")

// Each folder of testdata/check is a host: conf.d, maybe sockbridge.toml, and the report that they get.
func TestReports(t *testing.T) {
	cases, err := filepath.Glob("testdata/check/*")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			golden := abs(t, filepath.Join(dir, "report.txt"))
			t.Chdir(dir)
			opt := Options{Dirs: []string{"conf.d"}, Settings: "sockbridge.toml", SettingsOptional: true, Lookup: fakeLookup()}
			set, err := load(t.Context(), opt, fileReader{uid: -1}) // whoever checked the files out
			if err != nil {
				t.Fatal(err)
			}
			var report bytes.Buffer
			if err := set.Report(&report); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(golden, report.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), report.String()); diff != "" {
				t.Errorf("report of %s (-want +got):\n%s", dir, diff)
			}
		})
	}
}

func abs(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
