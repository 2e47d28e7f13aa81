package superserver

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/units"
)

func TestRights(t *testing.T) {
	const own, group, other = 500, 600, 700
	nobody := units.Settings{ControlGID: -1}
	operators := units.Settings{ControlGID: group}
	readers := units.Settings{ControlGID: group, ControlOthers: units.ControlOthersRead}
	for _, c := range []struct {
		name     string
		cred     *unix.Ucred
		groups   []uint32
		settings units.Settings
		want     control.Rights
	}{
		{"root", &unix.Ucred{}, nil, nobody, control.Admin},
		{"the manager's user", &unix.Ucred{Uid: own, Gid: own}, nil, nobody, control.Admin},
		{"another", &unix.Ucred{Uid: other, Gid: other}, []uint32{other}, nobody, control.Nothing},
		{"no group is nobody's", &unix.Ucred{Uid: other, Gid: 0xffffffff}, nil, nobody, control.Nothing},
		{"its main group", &unix.Ucred{Uid: other, Gid: group}, nil, operators, control.Operate},
		{"one of its groups", &unix.Ucred{Uid: other, Gid: other}, []uint32{1, group}, operators, control.Operate},
		{"not in the group", &unix.Ucred{Uid: other, Gid: other}, []uint32{1}, operators, control.Nothing},
		{"a reader", &unix.Ucred{Uid: other, Gid: other}, nil, readers, control.Read},
		{"an operator among readers", &unix.Ucred{Uid: other, Gid: group}, nil, readers, control.Operate},
		{"somebody unknown", nil, []uint32{group}, readers, control.Nothing},
	} {
		if got := rightsOf(c.cred, c.groups, own, c.settings); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// The socket has the mode and the group that its settings say, from the start and after each reload.
func TestControlSocketFollowsSettings(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a socket to another group")
	}
	m := newManager(t, map[string]string{"talk": talk("s"), "sockbridge": "[settings]\ncontrol_group = \"daemon\"\n"})
	check := func(mode, gid uint32) {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Stat(m.path("control"), &st); err != nil || st.Mode&0o777 != mode || st.Gid != gid {
			t.Errorf("mode %o, group %d, %v; want %o, %d", st.Mode&0o777, st.Gid, err, mode, gid)
		}
	}
	check(0o660, 1)
	m.write(map[string]string{"sockbridge": "[settings]\ncontrol_others = \"read\"\n"})
	m.ask("reload")
	var st unix.Stat_t
	if err := unix.Stat(m.path("control"), &st); err != nil || st.Mode&0o777 != 0o666 {
		t.Errorf("mode %o, %v; want 666", st.Mode&0o777, err)
	}
	m.write(map[string]string{"sockbridge": "[settings]\n"})
	m.ask("reload")
	if err := unix.Stat(m.path("control"), &st); err != nil || st.Mode&0o777 != 0o600 {
		t.Errorf("mode %o, %v; want 600", st.Mode&0o777, err)
	}
	m.dial()
}

// A client that may not do what it asks for is told so, and the log with its uid. What merely fails is between it and us.
func TestRefusalOfRightsIsLogged(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.refused(control.CodeNoSuchUnit, "unit.stop", "none")
	m.server.loop.Post(func() {
		session := control.NewSession(control.SessionOptions{
			Number: 7, UID: 1234, Rights: control.Read, Commands: control.NewCommands(m.server.commands()), Log: m.server.logControl,
		})
		session.Input([]byte("proto\t2\nid\tx\tunit.stop\ttalk\nunit.status\tnone\n"))
		session.Turn()
		if got := string(session.Output()); !strings.Contains(got, "error\tx\tpermission denied\tdenied\n") {
			t.Errorf("the answer is %q", got)
		}
	})
	m.until("the refusal is in the log", func() bool { return strings.Contains(m.story(), "uid 1234 has read rights and may not send unit.stop") })
	if strings.Contains(m.story(), "none") {
		t.Errorf("what failed is in the log:\n%s", m.story())
	}
	m.untilState("talk", stateListening)
}
