package units

import "math"

// processKeys are the rows of [service] that come with the supervision of the process.
var processKeys = []Key{
	{Section: "service", Name: "exec_start_pre", Type: TypeCommand, Unset: "none", Doc: "A command that must succeed before the service starts.", Systemd: "ExecStartPre", Upstart: "pre-start"},
	{Section: "service", Name: "exec_start_post", Type: TypeCommand, Unset: "none", Doc: "A command that runs after the service has started.", Systemd: "ExecStartPost", Upstart: "post-start"},
	{Section: "service", Name: "exec_stop_post", Type: TypeCommand, Unset: "none", Doc: "A command that runs after the service has ended.", Systemd: "ExecStopPost", Upstart: "post-stop"},
	{
		Section: "service", Name: "spare", Type: TypeInteger, Default: `0`, Max: 65536,
		Doc: "With `accept = false`, how many of `instances` wait ready before anyone connects.",
	},
	{
		Section: "service", Name: "idle_stop_sec", Type: TypeDuration, Default: `"infinity"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "With `accept = false`, how long the service is without a connection before it is stopped.", Systemd: "--exit-idle-time",
	},
	{
		Section: "service", Name: "io_scheduling_class", Type: TypeChoice, Unset: "the kernel's", Words: []string{"realtime", "best-effort", "idle"},
		Doc: "The class of disk access.", Systemd: "IOSchedulingClass",
	},
	{Section: "service", Name: "io_scheduling_priority", Type: TypeInteger, Default: `4`, Max: 7, Doc: "The priority of disk access within its class: 0 is first.", Systemd: "IOSchedulingPriority"},
	{Section: "service", Name: "cpu_affinity", Type: TypeList, Unset: "the manager's", Doc: "The processors that the service may run on.", Systemd: "CPUAffinity"},
	{
		Section: "service", Name: "cpu_scheduling_policy", Type: TypeChoice, Default: `"other"`, Words: []string{"other", "batch", "idle", "fifo", "rr"},
		Doc: "The policy of the scheduler.", Systemd: "CPUSchedulingPolicy",
	},
	{Section: "service", Name: "cpu_scheduling_priority", Type: TypeInteger, Unset: "none", Min: 1, Max: 99, Doc: "The priority of the policies `fifo` and `rr`.", Systemd: "CPUSchedulingPriority"},
	{Section: "service", Name: "cpu_scheduling_reset_on_fork", Type: TypeBool, Default: `false`, Doc: "Children of the service begin with the policy `other`.", Systemd: "CPUSchedulingResetOnFork"},
	{
		Section: "service", Name: "oom_score_adjust", Type: TypeInteger, Unset: "the manager's", Min: -1000, Max: 1000,
		Doc: "How soon the service is killed when memory runs out: 1000 is first.", Systemd: "OOMScoreAdjust", Upstart: "oom score",
	},
	{Section: "service", Name: "ignore_sigpipe", Type: TypeBool, Default: `false`, Doc: "Start the service with PIPE ignored.", Systemd: "IgnoreSIGPIPE"},
	{
		Section: "service", Name: "type", Type: TypeChoice, Default: `"exec"`, Words: []string{"simple", "exec", "notify", "forking"},
		Doc: "When the service counts as started.", Systemd: "Type", Upstart: "expect",
	},
	{
		Section: "service", Name: "timeout_start_sec", Type: TypeDuration, Default: `"90s"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long the service may take to start.", Systemd: "TimeoutStartSec",
	},
	{
		Section: "service", Name: "runtime_max_sec", Type: TypeDuration, Default: `"infinity"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long the service may run.", Systemd: "RuntimeMaxSec",
	},
	{
		Section: "service", Name: "kill_mode", Type: TypeChoice, Default: `"control-group"`, Words: []string{"control-group", "mixed", "process", "none"},
		Doc: "Which processes of the service a stop ends.", Systemd: "KillMode",
	},
	{Section: "service", Name: "kill_signal", Type: TypeString, Default: `"SIGTERM"`, Doc: "The signal that asks the service to end.", Systemd: "KillSignal", Upstart: "kill signal"},
	{Section: "service", Name: "send_sighup", Type: TypeBool, Default: `false`, Doc: "Send HUP right after the signal.", Systemd: "SendSIGHUP"},
	{Section: "service", Name: "final_kill_signal", Type: TypeString, Default: `"SIGKILL"`, Doc: "The signal after `timeout_stop_sec`.", Systemd: "FinalKillSignal"},
	{Section: "service", Name: "success_exit_status", Type: TypeList, Default: `[]`, Doc: "Exit statuses and signals that count as success beside 0.", Systemd: "SuccessExitStatus", Upstart: "normal exit"},
	{
		Section: "service", Name: "restart", Type: TypeChoice, Default: `"no"`,
		Words: []string{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"},
		Doc:   "With `accept = false`, when the service is started again without a client.", Systemd: "Restart", Upstart: "respawn",
	},
	{Section: "service", Name: "restart_sec", Type: TypeDuration, Default: `"100ms"`, Max: math.MaxInt64 - 1, Doc: "The pause before a restart.", Systemd: "RestartSec"},
	{Section: "service", Name: "restart_steps", Type: TypeInteger, Default: `0`, Max: 1000, Doc: "In how many steps the pause grows to `restart_max_delay_sec`.", Systemd: "RestartSteps"},
	{Section: "service", Name: "restart_max_delay_sec", Type: TypeDuration, Default: `"30s"`, Min: 1, Max: math.MaxInt64 - 1, Doc: "The longest pause.", Systemd: "RestartMaxDelaySec"},
	{Section: "service", Name: "watchdog_sec", Type: TypeDuration, Default: `"infinity"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true, Doc: "How long the service may be silent before it is ended.", Systemd: "WatchdogSec"},
	{Section: "service", Name: "file_descriptor_store_max", Type: TypeInteger, Default: `0`, Max: math.MaxInt32, Doc: "How many descriptors the service may leave with the manager.", Systemd: "FileDescriptorStoreMax"},
	{Section: "service", Name: "load_credential", Type: TypeTable, Default: `{}`, Doc: "Files that the service finds in CREDENTIALS_DIRECTORY, by name.", Systemd: "LoadCredential"},
	{Section: "service", Name: "runtime_directory", Type: TypeList, Default: `[]`, Doc: "Folders below /run that belong to the service while it runs.", Systemd: "RuntimeDirectory"},
	{Section: "service", Name: "state_directory", Type: TypeList, Default: `[]`, Doc: "Folders below /var/lib that belong to the service.", Systemd: "StateDirectory"},
	{Section: "service", Name: "cache_directory", Type: TypeList, Default: `[]`, Doc: "Folders below /var/cache that belong to the service.", Systemd: "CacheDirectory"},
	{Section: "service", Name: "logs_directory", Type: TypeList, Default: `[]`, Doc: "Folders below /var/log that belong to the service.", Systemd: "LogsDirectory"},
	{Section: "service", Name: "configuration_directory", Type: TypeList, Default: `[]`, Doc: "Folders below /etc that belong to the service.", Systemd: "ConfigurationDirectory"},
	{
		Section: "service", Name: "control", Type: TypeChoice, Unset: "none", Words: []string{"read", "operate", "admin"},
		Doc: "The service is a controller, with these rights on the control socket that it gets as its standard streams.",
	},
}
