package units

import "math"

var serviceKeys = []Key{
	{
		Section: "service", Name: "exec_start", Type: TypeCommand, Unset: "none",
		Doc:    "The program and its arguments, without a shell; a name without a slash is searched in the default PATH.",
		Xinetd: "server, server_args", Systemd: "ExecStart", Upstart: "exec",
		own: true, field: func(s slot) any { return &s.raw.execStart },
		show: showExecStart,
	},
	{
		Section: "service", Name: "script", Type: TypeString, Unset: "none",
		Doc:     "A shell script in place of `exec_start`, run by `/bin/sh -e`.",
		Upstart: "script",
		own:     true, field: func(s slot) any { return &s.unit.Service.Script }, check: text,
	},
	{
		Section: "service", Name: "user", Type: TypeString, Unset: "the manager's",
		Doc:    "Whom the service runs as, by name or number; brings the user's groups.",
		Xinetd: "user", Systemd: "User", Upstart: "setuid",
		field: func(s slot) any { return &s.raw.user }, check: accountName, show: showUser,
	},
	{
		Section: "service", Name: "group", Type: TypeString, Unset: "the user's primary group",
		Doc:    "The primary group, by name or number.",
		Xinetd: "group", Systemd: "Group", Upstart: "setgid",
		field: func(s slot) any { return &s.raw.group }, check: accountName, show: showGroup,
	},
	{
		Section: "service", Name: "supplementary_groups", Type: TypeList, Default: `[]`,
		Doc:    "Groups beside those of the user.",
		Xinetd: "groups", Systemd: "SupplementaryGroups",
		field: func(s slot) any { return &s.raw.supplementary }, check: accountName, show: showGroups,
	},
	{
		Section: "service", Name: "working_directory", Type: TypeString, Default: `"/"`,
		Doc:     "Where the service starts: an absolute path, or `~` for the user's home.",
		Systemd: "WorkingDirectory", Upstart: "chdir",
		field: func(s slot) any { return &s.unit.Service.WorkingDirectory }, check: absoluteOrHome,
	},
	{
		Section: "service", Name: "root_directory", Type: TypeString, Default: `""`,
		Doc:     "The folder that is `/` to the service.",
		Systemd: "RootDirectory", Upstart: "chroot",
		field: func(s slot) any { return &s.unit.Service.RootDirectory }, check: absolutePath,
	},
	{
		Section: "service", Name: "umask", Type: TypeMode, Default: `"022"`, Max: 0o777,
		Doc:    "The permissions that new files do not get.",
		Xinetd: "umask", Systemd: "UMask", Upstart: "umask",
		field: func(s slot) any { return &s.unit.Service.Umask },
	},
	{
		Section: "service", Name: "environment", Type: TypeTable, Default: `{}`,
		Doc:    "Variables of the service, over those of `environment_file`; a drop-in adds to the table by name.",
		Xinetd: "env", Systemd: "Environment", Upstart: "env",
		field: func(s slot) any { return &s.raw.environment },
		show:  func(s slot) string { return quoteList(s.unit.Service.Environment) },
	},
	{
		Section: "service", Name: "environment_file", Type: TypeList, Default: `[]`,
		Doc:     "Files of `NAME=value` lines, read when the unit is loaded; one with `-` before its path may be missing.",
		Systemd: "EnvironmentFile",
		field:   func(s slot) any { return &s.raw.environmentFile }, check: environmentPath, show: shownByEnvironment,
	},
	{
		Section: "service", Name: "pass_environment", Type: TypeList, Default: `[]`,
		Doc:    "Variables of the manager's own environment that the service gets, over all others.",
		Xinetd: "passenv", Systemd: "PassEnvironment",
		field: func(s slot) any { return &s.raw.passEnvironment }, check: variableName, show: shownByEnvironment,
	},
	{
		Section: "service", Name: "unset_environment", Type: TypeList, Default: `[]`,
		Doc:     "Variables that the service does not get, wherever they come from.",
		Systemd: "UnsetEnvironment",
		field:   func(s slot) any { return &s.raw.unsetEnvironment }, check: variableName, show: shownByEnvironment,
	},
	{
		Section: "service", Name: "standard_input", Type: TypeStream, Default: `"null"`, Words: []string{"null", "socket", "file:PATH"},
		Doc:     "Descriptor 0; `socket` is the connection, or the one listening socket, and then nothing announces descriptors.",
		Systemd: "StandardInput", Upstart: "console",
		field: func(s slot) any { return &s.unit.Service.StandardInput },
	},
	{
		Section: "service", Name: "standard_output", Type: TypeStream, Unset: "`socket` where `standard_input` is, else `log`",
		Words:   outputWords,
		Doc:     "Descriptor 1; `inherit` is what `standard_input` is.",
		Systemd: "StandardOutput", Upstart: "console",
		field: func(s slot) any { return &s.unit.Service.StandardOutput },
	},
	{
		Section: "service", Name: "standard_error", Type: TypeStream, Default: `"log"`, Words: outputWords,
		Doc:     "Descriptor 2; `inherit` is what `standard_output` is.",
		Systemd: "StandardError", Upstart: "console",
		field: func(s slot) any { return &s.unit.Service.StandardError },
	},
	{
		Section: "service", Name: "nice", Type: TypeInteger, Unset: "the manager's", Min: -20, Max: 19,
		Doc:    "The scheduling priority: 19 yields most.",
		Xinetd: "nice", Systemd: "Nice", Upstart: "nice",
		field: func(s slot) any { return &s.unit.Service.Nice },
	},
	{
		Section: "service", Name: "fd_protocol", Type: TypeList, Default: `["systemd", "upstart"]`, Words: []string{"systemd", "upstart", "ucspi"},
		Doc:   "Which environment announces the descriptors: LISTEN_FDS, UPSTART_FDS (with `accept = false`), TCPREMOTEIP and its kin (with `accept = true`).",
		field: func(s slot) any { return &s.unit.Service.FDProtocol },
	},
	{
		Section: "service", Name: "instances", Type: TypeInteger, Default: `1`, Min: 1, Max: 65536,
		Doc:   "With `accept = false`, how many processes may share the listening sockets.",
		field: func(s slot) any { return &s.unit.Service.Instances },
	},
	{
		Section: "service", Name: "non_blocking", Type: TypeBool, Default: `false`,
		Doc:     "With `accept = false`, give the sockets with O_NONBLOCK.",
		Systemd: "NonBlocking",
		field:   func(s slot) any { return &s.unit.Service.NonBlocking },
	},
	{
		Section: "service", Name: "timeout_stop_sec", Type: TypeDuration, Default: `"90s"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc:     "How long a service may take to end after TERM before KILL.",
		Systemd: "TimeoutStopSec", Upstart: "kill timeout",
		field: func(s slot) any { return &s.unit.Service.TimeoutStopSec },
	},
}

var outputWords = []string{"inherit", "null", "socket", "log", "file:PATH", "append:PATH", "truncate:PATH"}
