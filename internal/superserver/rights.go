package superserver

import (
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/units"
)

// rights is what a client of the control socket may do: root and the manager's own user everything, the group of the settings
// operate, all others what the settings say.
func (s *Server) rights(cred *unix.Ucred, groups []uint32) control.Rights {
	return rightsOf(cred, groups, uint32(os.Geteuid()), s.controlSettings)
}

func rightsOf(cred *unix.Ucred, groups []uint32, own uint32, settings units.Settings) control.Rights {
	gid := settings.ControlGID
	switch {
	case cred == nil:
		return control.Nothing
	case cred.Uid == 0 || cred.Uid == own:
		return control.Admin
	case gid >= 0 && (cred.Gid == uint32(gid) || slices.Contains(groups, uint32(gid))):
		return control.Operate
	case settings.ControlOthers == units.ControlOthersRead:
		return control.Read
	}
	return control.Nothing
}

// controlMode is who may connect, as the mode of the socket: the kernel turns away those who could do nothing.
func controlMode(settings units.Settings) fs.FileMode {
	switch {
	case settings.ControlOthers == units.ControlOthersRead:
		return 0o666
	case settings.ControlGID >= 0:
		return 0o660
	}
	return 0o600
}
