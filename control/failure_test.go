package control_test

import (
	"errors"
	"strings"
	"testing"

	"sockbridge/control"
)

// fails fails with a text that its first argument names.
func fails(text string) control.Command {
	return control.Command{Name: "fail", Run: func(*control.Call) error { return errors.New(text) }}
}

func TestFailure(t *testing.T) {
	x := strings.Repeat("x", 200)
	for _, test := range []struct{ name, text, line, event, log string }{
		{
			"short", "it broke", "fail\ta", `it broke, for command "fail a"`,
			"controller[7] command failed: 'fail\ta'|  with error: 'it broke'",
		},
		{
			"PREFIX is the raw line if its 29 bytes and NUL are 30", "no", "fail" + "\t" + x[:24], `no, for command "fail ` + x[:24] + `"`,
			"controller[7] command failed: 'fail\t" + x[:24] + "'|  with error: 'no'",
		},
		{
			"else its first 30 bytes", "no", "fail\t" + x[:25], `no, for command "fail ` + x[:25] + `..."`,
			"controller[7] command failed: 'fail\t" + x[:25] + "'|  with error: 'no'",
		},
		{
			"first 90 bytes in the log", "no", "fail\t" + x[:86], `no, for command "fail ` + x[:25] + `..."`,
			"controller[7] command failed: 'fail\t" + x[:85] + "'...|  with error: 'no'",
		},
		{
			"a line feed in a text makes no line", "unknown flag \"X\"\n", "fail", `unknown flag "X" , for command "fail"`,
			"controller[7] command failed: 'fail'|  with error: 'unknown flag \"X\" '",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(control.SessionOptions{Number: 7}, fails(test.text))
			equal(t, "output", b.talk(test.line+"\n"), "error\t"+test.event+"\n")
			equal(t, "log", b.takeLog(), "error: "+strings.ReplaceAll(test.log, "|", "\nerror: "))
		})
	}
}

func TestFailureOfMute(t *testing.T) {
	b := newBench(control.SessionOptions{Mute: true}, fails("no"))
	equal(t, "output", b.talk("fail\n"), "")
	equal(t, "log", b.takeLog(), "error: controller[0] command failed: 'fail'\nerror:   with error: 'no'")
}

// Every right against every right.
func TestRights(t *testing.T) {
	all := []control.Rights{control.Nothing, control.Read, control.Operate, control.Admin}
	for _, has := range all {
		for _, needs := range all {
			b := newBench(control.SessionOptions{Number: 3, UID: 1000, Rights: has}, control.Command{
				Name: "want", Rights: needs, Run: func(c *control.Call) error {
					c.Emit("done")
					return nil
				},
			})
			output, log := "done\n", ""
			if has < needs {
				output = "error\tpermission denied, for command \"want a\"\n"
				log = "error: controller[3] of uid 1000 has " + has.String() + " rights and may not send want"
			}
			equal(t, "output", b.talk("want\ta\n"), output)
			equal(t, "log", b.takeLog(), log)
		}
	}
}

func TestRightsOfBuiltin(t *testing.T) {
	for _, c := range control.Builtin() {
		if c.Rights != control.Nothing {
			t.Errorf("%s needs %v", c.Name, c.Rights)
		}
	}
}

func TestNames(t *testing.T) {
	for _, r := range []control.Rights{control.Nothing, control.Read, control.Operate, control.Admin} {
		if got, err := control.ParseRights(r.String()); got != r || err != nil {
			t.Errorf("ParseRights(%q) = %v, %v", r, got, err)
		}
	}
	for l := control.LevelNone; l <= control.LevelFatal; l++ {
		if got, err := control.ParseLevel(l.String()); got != l || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", l, got, err)
		}
	}
	for _, bad := range []string{"", "warn", "WARNING", "Level(1)", "all"} {
		if _, err := control.ParseLevel(bad); err == nil {
			t.Errorf("ParseLevel(%q) succeeds", bad)
		}
		if _, err := control.ParseRights(bad); err == nil {
			t.Errorf("ParseRights(%q) succeeds", bad)
		}
	}
}

func TestDebugLog(t *testing.T) {
	wanted := true
	b := newBench(control.SessionOptions{Number: 2, Debug: func() bool { return wanted }})
	b.talk("#comment\necho\ta\tb\n")
	equal(t, "log", b.takeLog(), "debug: controller[2] command: \"echo\ta\tb\"\ndebug: client[2] event: \"a\tb\n\"")
	wanted = false
	b.talk("echo\ta\n")
	equal(t, "log", b.takeLog(), "")
}

func TestNewCommandsTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two commands of one name do not panic")
		}
	}()
	control.NewCommands([]control.Command{{Name: "echo"}})
}
