package units

import (
	"math"
	"time"
)

var logKeys = []Key{
	{
		Section: "log", Name: "log_on_success", Type: TypeList, Default: `[]`, Words: []string{"PID", "HOST", "USERID", "EXIT", "DURATION", "TRAFFIC"},
		Doc: "What is logged when a connection starts and ends.", Xinetd: "log_on_success",
	},
	{
		Section: "log", Name: "log_on_failure", Type: TypeList, Default: `["HOST"]`, Words: []string{"HOST", "USERID", "ATTEMPT"},
		Doc: "What is logged when a connection is refused.", Xinetd: "log_on_failure",
	},
	{
		Section: "log", Name: "destination", Type: TypeString, Unset: "the manager's",
		Doc: "Where the unit's lines and its service's output go.", Xinetd: "log_type", Systemd: "StandardOutput", Upstart: "console",
	},
	{
		Section: "log", Name: "level", Type: TypeChoice, Default: `"info"`, Words: []string{"debug", "info", "warning", "error"},
		Doc: "The least important line that is written.", Xinetd: "log_type", Systemd: "LogLevelMax",
	},
}

var proxyKeys = []Key{
	{Section: "proxy", Name: "to", Type: TypeString, Unset: "none", Doc: "The address that connections are carried to, or `stdio`.", Xinetd: "redirect"},
	{Section: "proxy", Name: "ready", Type: TypeString, Default: `"connect"`, Doc: "How it is seen that the service is ready: it can be connected to, it says a line, it notifies, or a command succeeds."},
	{
		Section: "proxy", Name: "start_timeout_sec", Type: TypeDuration, Default: `"90s"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long the service may take to be ready.", Systemd: "TimeoutStartSec",
	},
	{Section: "proxy", Name: "start", Type: TypeString, Unset: "none", Doc: "What starts the service: a command, or `systemd:UNIT`."},
	{Section: "proxy", Name: "stop", Type: TypeString, Unset: "none", Doc: "What stops it: a command, or `systemd:UNIT`."},
	{
		Section: "proxy", Name: "idle_stop_sec", Type: TypeDuration, Default: `"infinity"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long the service is without a connection before it is stopped.", Systemd: "--exit-idle-time",
	},
	{
		Section: "proxy", Name: "connection_idle_sec", Type: TypeDuration, Default: `"infinity"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long a connection may be silent before it is closed.",
	},
	{
		Section: "proxy", Name: "proxy_protocol", Type: TypeChoice, Unset: "none", Words: []string{"v1", "v2"},
		Doc: "Tell the service the client's address by a PROXY header.", Systemd: "--proxy-protocol",
	},
	{
		Section: "proxy", Name: "max_connections", Type: TypeLimit, Default: `256`, Min: 1, Max: math.MaxInt32, Infinite: true,
		Doc: "How many connections are carried at once.", Systemd: "--connections-max",
	},
}

var internalKeys = []Key{
	{
		Section: "internal", Name: "service", Type: TypeChoice, Unset: "none", Words: []string{"echo", "discard", "daytime", "time", "chargen", "tcpmux"},
		Doc: "The built-in service that answers.", Xinetd: "type = INTERNAL",
	},
}

var settingsKeys = []Key{
	{
		Section: "settings", Name: "drain_timeout_sec", Type: TypeDuration, Default: `"30s"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc:   "How long connections that are being served may go on when their unit stops.",
		aside: true, field: func(s slot) any { return &s.settings.DrainTimeoutSec },
	},
	{
		Section: "settings", Name: "control_group", Type: TypeString, Default: `""`,
		Doc:   "The group that may operate the manager through its control socket: stop and start units, end connections, reload.",
		aside: true, field: func(s slot) any { return &s.settings.ControlGroup },
	},
	{
		Section: "settings", Name: "control_others", Type: TypeChoice, Default: `"nothing"`, Words: []string{"nothing", "read"},
		Doc:   "What all other users may do there.",
		aside: true, field: func(s slot) any { return &s.settings.ControlOthers },
	},
}

// DefaultDrainTimeout is drain_timeout_sec where no sockbridge.toml says otherwise.
const DefaultDrainTimeout = 30 * time.Second
