package units

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// paths collects every key that the scanner found, without the indices of arrays, as the library tells them.
func paths(n *node, prefix string, into map[string]bool) {
	for name, kid := range n.kids {
		path := prefix + "\x00" + name
		into[path] = true
		paths(kid, path, into)
	}
	for _, elem := range n.elems {
		paths(elem, prefix, into)
	}
}

func joined(k toml.Key) string { return "\x00" + strings.Join(k, "\x00") }

var tomlSeeds = []string{
	"",
	"a = 1",
	"a.b.c = 1\na.b.d = 'x'\n",
	"[a]\nb = 1\n[a.c]\nd = \"\"\n",
	"[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\n[[a.e]]\nf = 1",
	"\"a b\".'c d' = {e = [1, 2, {f = 3}], g.h = '''x\ny'''}",
	"a = \"\"\"\\\"\"\"\"\" \\\n  b\"\"\"\"\"\nb = 2",
	"a = '''''x'''''\nb = ''",
	"a = [ # comment ]\n  1, # two\n  [2, 3],\n]\nb = 1979-05-27 07:32:00 # c",
	"a = {\n b = 1,\n c = 2, # x\n}\n",
	"\"\\u0061\\x62\" = 1\nab2 = 2\n\"\" = 3",
	"a = 0x1F\nb = -inf\nc = 1e9\nd = 07:32:00.5\r\ne = true\r\n",
	"[ a . 'b' ]\n c  . d = 1",
	"x = [[[]], {}, [{a = 1}, {a = 2}]]",
}

// Whatever the library takes for TOML, the scanner must find every key that it tells of.
func FuzzLocator(f *testing.F) {
	for _, s := range tomlSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc := &document{text: text}
		if _, bad := doc.forbidden(); bad || len(text) > 4096 {
			return
		}
		root, serr := scan(text)
		if serr != nil && serr.bound {
			return
		}
		var data map[string]any
		md, err := toml.Decode(text, &data)
		if err != nil {
			return
		}
		if serr != nil {
			t.Fatalf("scan(%q): %v at %d", text, serr, serr.at.start)
		}
		found := map[string]bool{}
		paths(root, "", found)
		for _, k := range md.Keys() {
			if !found[joined(k)] {
				t.Errorf("scan(%q) does not find %q, but %q", text, k, slices.Sorted(maps.Keys(found)))
			}
		}
		walk(t, text, data, root)
	})
}

// walk goes through the values as the loader does: each must have a node with spans inside the text.
func walk(t *testing.T, text string, v any, n *node) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, kid := range v {
			k := n.kid(name)
			if k == nil {
				t.Fatalf("scan(%q) has no node for %q", text, name)
			}
			walk(t, text, kid, k)
		}
	case []any:
		for i := range v {
			walk(t, text, v[i], n.elems[i])
		}
	case []map[string]any:
		for i := range v {
			walk(t, text, v[i], n.elems[i])
		}
	}
	for _, s := range []span{n.key, n.value} {
		if s.start < 0 || s.end < s.start || s.end > len(text) {
			t.Fatalf("scan(%q): span %v", text, s)
		}
	}
}

func TestPlaces(t *testing.T) {
	const text = `top = 1
[socket]
listen_stream = ["80", # one
  '[::1]:81']
  "accept" = true # two
[service]
environment = {A = "x", B.C = 2}
"PATH\u0045"."D E" = """
y"""
[[group]]
a = 1979-05-27 07:32:00   # three
[[group]]
a = [[1], []]
`
	doc, problems := parse("f", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := map[string]string{}
	var walk func(path string, n *node)
	walk = func(path string, n *node) {
		cut := func(s span) string { return text[s.start:s.end] }
		if path != "" {
			got[path] = cut(n.key) + " = " + cut(n.value)
		}
		for name, kid := range n.kids {
			walk(path+"/"+name, kid)
		}
		for i, elem := range n.elems {
			walk(path+"/"+string(rune('0'+i)), elem)
		}
	}
	walk("", doc.root)
	want := map[string]string{
		"/top":                     `top = 1`,
		"/socket":                  `[socket] = [socket]`,
		"/socket/listen_stream":    "listen_stream = [\"80\", # one\n  '[::1]:81']",
		"/socket/listen_stream/0":  ` = "80"`,
		"/socket/listen_stream/1":  ` = '[::1]:81'`,
		"/socket/accept":           `"accept" = true`,
		"/service":                 `[service] = [service]`,
		"/service/environment":     `environment = {A = "x", B.C = 2}`,
		"/service/environment/A":   `A = "x"`,
		"/service/environment/B":   `B = `,
		"/service/environment/B/C": `B.C = 2`,
		"/service/PATHE":           `"PATH\u0045" = `,
		"/service/PATHE/D E":       `"PATH\u0045"."D E" = """` + "\ny\"\"\"",
		"/group":                   `[[group]] = [[group]]`,
		"/group/0":                 `[[group]] = [[group]]`,
		"/group/0/a":               `a = 1979-05-27 07:32:00`,
		"/group/1":                 `[[group]] = [[group]]`,
		"/group/1/a":               `a = [[1], []]`,
		"/group/1/a/0":             ` = [1]`,
		"/group/1/a/0/0":           ` = 1`,
		"/group/1/a/1":             ` = []`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
