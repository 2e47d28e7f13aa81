package units

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// thousands makes n units in conf.d below a working directory of their own.
func thousands(t testing.TB, n int) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("conf.d", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		text := fmt.Sprintf(`description = "Echo %d"
[socket]
listen_stream = ["127.0.%d.%d:7000"]
accept = true
max_connections = 20

[service]
exec_start = ["/bin/cat"]
user = "nobody"
standard_input = "socket"
`, i, i>>8, i&255)
		if err := os.WriteFile(filepath.Join("conf.d", fmt.Sprintf("echo-%05d.toml", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestThousandsOfUnits(t *testing.T) {
	const n = 500
	thousands(t, n)
	first := loadDirs(t)
	if len(first.Units) != n || len(first.Problems) > 0 {
		t.Fatalf("%d units, problems:\n%s", len(first.Units), first.Problems)
	}
	again := loadDirs(t, func(o *Options) { o.Previous = first })
	for i := range again.Units {
		if again.Units[i] != first.Units[i] {
			t.Fatalf("unit %q was made again", first.Units[i].Name)
		}
	}
	if changes := Diff(first, loadDirs(t)); len(changes) > 0 {
		t.Errorf("changes: %v", changes)
	}
}

func BenchmarkLoad(b *testing.B) {
	thousands(b, 10_000)
	for b.Loop() {
		loadDirs(b)
	}
}

func BenchmarkReload(b *testing.B) {
	thousands(b, 10_000)
	previous := loadDirs(b)
	for b.Loop() {
		loadDirs(b, func(o *Options) { o.Previous = previous })
	}
}

func BenchmarkDiff(b *testing.B) {
	thousands(b, 10_000)
	old, reread := loadDirs(b), loadDirs(b)
	reused := loadDirs(b, func(o *Options) { o.Previous = old })
	b.Run("reused", func(b *testing.B) {
		for b.Loop() {
			Diff(old, reused)
		}
	})
	b.Run("read again", func(b *testing.B) {
		for b.Loop() {
			Diff(old, reread)
		}
	})
}
