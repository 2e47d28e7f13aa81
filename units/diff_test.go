package units

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	host(t, map[string]string{
		"conf.d/finger.toml": "[socket]\nlisten_stream = ['79']\naccept = true\n[service]\nexec_start = ['/x']\nuser = 'www'\n",
		"conf.d/same.toml":   web("81"),
		"conf.d/talk.toml":   web("82"),
		"conf.d/two.toml":    web("83"),
		"conf.d/order.toml":  "[socket]\nlisten_stream = ['84']\nlisten_datagram = ['84']\n[service]\nexec_start = ['/x']\nuser = 'www'\n",
	})
	old := loadDirs(t)
	if len(Diff(old, loadDirs(t))) > 0 || len(Diff(nil, nil)) > 0 {
		t.Error("nothing has changed")
	}
	write(t, map[string]string{
		"conf.d/finger.toml": "[socket]\nlisten_stream = ['79'] # a comment\naccept = true\nmax_connections = 128\n[service]\nexec_start = ['/x']\nuser = 'www'\n",
		"conf.d/same.toml":   "# said in other words\ndescription = ''\n[service]\nuser = '33'\nexec_start = ['/bin/web']\n[socket]\nlisten_stream = ['81']\n",
		"conf.d/talk.toml":   "enabled = false",
		"conf.d/tftp.toml":   web("69"),
		"conf.d/two.toml":    "[[socket]]\nlisten_stream = ['83']\n[[socket]]\nlisten_stream = ['/run/two']\nsocket_mode = 0o600\n[service]\nexec_start = ['/bin/web']\nuser = 'www'\n",
		"conf.d/order.toml":  "[socket]\nlisten_datagram = ['84']\nlisten_stream = ['84']\n[service]\nexec_start = ['/x']\nuser = 'www'\n",
	})
	changes := Diff(old, loadDirs(t))
	var got []string
	for _, c := range changes {
		if c.Unit != "two" {
			got = append(got, c.String())
		}
	}
	want := []string{
		"~ finger (socket.max_connections 64 → 128, socket.max_connections_per_source 16 → 32)",
		`~ order (socket order ["tcp [::]:84", "udp [::]:84"] → ["udp [::]:84", "tcp [::]:84"])`,
		"- talk",
		"+ tftp",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if two := changes[len(changes)-1]; two.Unit != "two" || two.Keys[0] != (KeyChange{"socket.2.listen_stream", "", `["/run/two"]`}) {
		t.Errorf("a second socket: %v", two)
	}
	if back := Diff(loadDirs(t), old); back[len(back)-1].Keys[0] != (KeyChange{"socket.2.listen_stream", `["/run/two"]`, ""}) {
		t.Errorf("and back: %v", back[len(back)-1])
	}
}

// What is made of another key is not told beside it.
func TestDiffOfScript(t *testing.T) {
	script := func(text string) *Unit {
		return loadUnit(t, "[socket]\nlisten_stream = ['81']\n[service]\nscript = '"+text+"'\nuser = 'www'\n")
	}
	want := []KeyChange{{"service.script", "one", "two"}}
	if diff := cmp.Diff(want, script("one").changes(script("two"))); diff != "" {
		t.Error(diff)
	}
	want = []KeyChange{{"service.exec_start", `["/bin/web"]`, ""}, {"service.script", "", "two"}}
	if diff := cmp.Diff(want, loadUnit(t, web("81")).changes(script("two"))); diff != "" {
		t.Error(diff)
	}
}

func TestSame(t *testing.T) {
	a, b := loadUnit(t, web("81")), loadUnit(t, "# c\n"+web("81"))
	c := loadUnit(t, web("82"))
	if !a.Same(b) || a.Same(c) {
		t.Errorf("Same: %v, %v", a.Same(b), a.Same(c))
	}
}
