package control_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sockbridge/control"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct {
		version control.Version
		line    string
		want    []string
	}{
		{1, "", []string{""}},
		{1, "a\t\tb\t", []string{"a", "", "b", ""}},
		{1, `\t`, []string{`\t`}},
		{2, `\t\n\\\x00\xfF`, []string{"\t\n\\\x00\xff"}},
		{2, `a\tb` + "\t", []string{"a\tb", ""}},
	} {
		got, err := test.version.Split([]byte(test.line))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("version %d: %q is %q, %v", test.version, test.line, got, err)
		}
	}
}

func TestSplitBadEscape(t *testing.T) {
	for _, bad := range []string{`\`, `\q`, `\x`, `\x0`, `\xg0`, `\x0g`, `\T`, `a\\\`} {
		fields, err := control.Version2.Split([]byte("first\t" + bad + "\tlast"))
		if err == nil || !slices.Equal(fields, []string{"first"}) {
			t.Errorf("%q is %q, %v", bad, fields, err)
		}
	}
}

func TestAppend(t *testing.T) {
	fields := []string{"a\tb", "c\nd", `\`, "\x00\r\x7f\xff"}
	equal(t, "version 1", string(control.Version1.Append([]byte("x"), fields...)), "xa b\tc d\t\\\t\x00\r\x7f\xff\n")
	equal(t, "version 2", string(control.Version2.Append(nil, fields...)), `a\tb`+"\t"+`c\nd`+"\t"+`\\`+"\t"+`\x00\x0d\x7f`+"\xff\n")
	equal(t, "no field", string(control.Version2.Append(nil)), "\n")
}

// What is split and put together is the same line, after the first time; what is put together and split, the same fields.
func FuzzCodec(f *testing.F) {
	f.Add([]byte("echo\ta\t\t\\t\\x00"))
	f.Add([]byte("\\"))
	f.Add([]byte("\x00\r\n\xff\t"))
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, v := range []control.Version{control.Version1, control.Version2} {
			checkFields(t, v, strings.Split(string(line), "|"))
			fields, err := v.Split(line)
			if err != nil {
				continue
			}
			checkFields(t, v, fields)
		}
	})
}

func checkFields(t *testing.T, v control.Version, fields []string) {
	t.Helper()
	line := v.Append(nil, fields...)
	if bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Fatalf("%q is not one line", line)
	}
	got, err := v.Split(line[:len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := fields
	if v == control.Version1 {
		blank := strings.NewReplacer("\t", " ", "\n", " ")
		want = nil
		for _, field := range fields {
			want = append(want, blank.Replace(field))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("version %d: %q became %q", v, want, got)
	}
	if again := v.Append(nil, got...); !bytes.Equal(again, line) {
		t.Fatalf("%q became %q", line, again)
	}
}

func TestValidName(t *testing.T) {
	for _, test := range []struct {
		name                 string
		compatible, extended bool
	}{
		{"a", true, true},
		{"A-z.0_9", true, true},
		{strings.Repeat("x", 31), true, true},
		{strings.Repeat("x", 32), false, true},
		{strings.Repeat("x", 255), false, true},
		{strings.Repeat("x", 256), false, false},
		{"tcp@[::1]:80%eth0", false, true},
		{"", false, false},
		{"a b", false, false},
		{"a/b", false, false},
		{"ä", false, false},
	} {
		if got := control.Compatible.ValidName(test.name); got != test.compatible {
			t.Errorf("%q in version 1: %v", test.name, got)
		}
		if got := control.Extended.ValidName(test.name); got != test.extended {
			t.Errorf("%q in version 2: %v", test.name, got)
		}
	}
}
