package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"plain – “é” 日本 €":   "plain – “é” 日本 €",
		"\x1b[2J":            `\x1b[2J`,
		"a\r\n\tb":           `a\r\n\tb`,
		"\x00\x7f":           `\x00\x7f`,
		"\u009b31m":          `\u009b31m`,
		"\xff\xfe":           `\xff\xfe`,
		"abc\u202edef\u2066": `abc\u202edef\u2066`,
		"\ufffd":             "\ufffd",
		"\xe2\x82":           `\xe2\x82`,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) is %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "\x1b[2J", "\xff", "é\u202e", "\u009b", "😀\U000e0001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != utf8.RuneError && unsafe(r) }) {
			t.Errorf("clean(%q) is %q", s, got)
		}
		if clean(got) != got {
			t.Errorf("clean(%q) is %q, and clean of that %q", s, got, clean(got))
		}
		var back string
		encoded := appendJSON(nil, s)
		if err := json.Unmarshal(encoded, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("JSON of %q is %s, which is %q: %v", s, encoded, back, err)
		}
		if strings.ContainsFunc(string(encoded), func(r rune) bool { return r != utf8.RuneError && unsafe(r) }) {
			t.Errorf("JSON of %q is %q", s, encoded)
		}
	})
}

// Records come from another program: nothing in them ends the command.
func FuzzRecords(f *testing.F) {
	f.Add(echoUnit)
	f.Add(fingerUnit)
	f.Add(hostile)
	f.Add("conn.state\t\t\t\t\tsince=\tstate")
	f.Add("reload.change")
	f.Fuzz(func(t *testing.T, line string) {
		fields := strings.Split(line, "\t")
		p := &printer{w: &strings.Builder{}, format: asWide, header: true, zone: time.UTC, now: at}
		d := detail{
			unit: parseUnitState(fields), listeners: []unitListener{parseUnitListener(fields)},
			sources: []unitSource{parseUnitSource(fields)}, last: []happening{parseHappening(fields)},
		}
		s := story{id: line, events: d.last, causes: []cause{parseCause(fields)}}
		text := unitKind(at).table([]unitState{d.unit}, true, true, false) + connectionKind(at).table([]connection{parseConnection(fields)}, true, true, false) +
			d.text(p) + s.text(p) + logLine(d.last[0], time.UTC, false) + reloaded{changes: []change{parseChange(fields)}}.text()
		if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), func(r rune) bool { return r != utf8.RuneError && unsafe(r) }) {
			t.Errorf("%q", text)
		}
		if !json.Valid(appendJSON(nil, d.object(p))) || !json.Valid(appendJSON(nil, infoKind().object(parseInfo(fields)))) {
			t.Errorf("JSON %s", appendJSON(nil, d.object(p)))
		}
	})
}

func TestFormat(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", 84211: "84 211", 1234567: "1 234 567", -1000: "-1 000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", -1: "0s", 45 * time.Microsecond: "0.000045s", 20 * time.Millisecond: "0.02s", 3100 * time.Millisecond: "3.1s", 2 * time.Second: "2s", 42 * time.Second: "42s",
		60 * time.Second: "1m", 185 * time.Second: "3m 5s", 3 * time.Hour: "3h", 127 * time.Minute: "2h 7m", 121 * time.Hour: "5d 1h",
	} {
		if got := ageText(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestMoment(t *testing.T) {
	zone := time.FixedZone("", 3600)
	for in, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "10min": "2026-11-21T13:52:14.6Z", "90": "2026-11-21T14:00:44.6Z", "15:04": "2026-11-21T14:04:00Z",
		"09:00:01": "2026-11-21T08:00:01Z", "2026-11-20 12:00": "2026-11-20T11:00:00Z", "2026-11-20": "2026-11-19T23:00:00Z",
		"2026-11-20T12:00:00Z": "2026-11-20T12:00:00Z",
	} {
		got, err := parseMoment(in, at, zone)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %v, %v; want %s", in, got.UTC(), err, want)
		}
	}
	if _, err := parseMoment("tomorrow", at, zone); err == nil {
		t.Error("tomorrow is a time")
	}
}

func TestNearest(t *testing.T) {
	known := []string{"echo", "finger", "tftp", "web-blue", "web-green"}
	for word, want := range map[string]string{
		"fingre": "finger", "fnger": "finger", "eco": "echo", "tfp": "tftp", "web": "web-blue", "nothing": "", "": "", "x": "",
		strings.Repeat("x", 1000): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
