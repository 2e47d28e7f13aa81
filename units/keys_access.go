package units

import "math"

var accessKeys = []Key{
	{
		Section: "access", Name: "only_from", Type: TypePrefixes, Unset: "everybody",
		Doc:    "The only peers that may connect: addresses and CIDR prefixes; none is nobody.",
		Xinetd: "only_from", Systemd: "IPAddressAllow",
		field: func(s slot) any { return &s.unit.Access.OnlyFrom }, show: showOnlyFrom,
	},
	{
		Section: "access", Name: "no_access", Type: TypePrefixes, Default: `[]`,
		Doc:    "Peers that may not connect, whatever `only_from` says.",
		Xinetd: "no_access", Systemd: "IPAddressDeny",
		field: func(s slot) any { return &s.unit.Access.NoAccess },
	},
	{
		Section: "access", Name: "on_limit", Type: TypeChoice, Default: `"wait"`, Words: []string{"wait", "refuse"},
		Doc:   "What a client gets while the unit has `max_connections`: `wait` leaves it in the kernel's queue, `refuse` answers and closes.",
		field: func(s slot) any { return &s.unit.Access.OnLimit },
	},
	{
		Section: "access", Name: "access_times", Type: TypeList, Unset: "always",
		Doc: "Times of day at which clients are let in, as `08:00-18:00`; one that ends before it begins goes past midnight.", Xinetd: "access_times",
	},
	{
		Section: "access", Name: "max_load", Type: TypeNumber, Unset: "no limit",
		Doc: "The load average of one minute above which nobody is let in.", Xinetd: "max_load",
	},
	{
		Section: "access", Name: "rate", Type: TypeRate, Unset: "no limit",
		Doc: "How many connections a time the unit takes, as `\"50/10s\"`.", Xinetd: "cps", Systemd: "TriggerLimitBurst",
	},
	{
		Section: "access", Name: "burst", Type: TypeInteger, Unset: "the count of `rate`", Min: 1, Max: math.MaxInt32,
		Doc: "How many connections may come at once within `rate`.",
	},
	{
		Section: "access", Name: "per_source_rate", Type: TypeRate, Unset: "no limit",
		Doc: "How many connections a time one source may make.",
	},
	{
		Section: "access", Name: "source_prefix", Type: TypeTable, Default: `{v4 = 32, v6 = 64}`,
		Doc: "How many bits of an address make one source.",
	},
	{
		Section: "access", Name: "message", Type: TypeString, Default: `""`,
		Doc: "What a refused client is told.",
	},
	{
		Section: "access", Name: "banner", Type: TypeString, Default: `""`,
		Doc: "A file that every client is sent first.", Xinetd: "banner",
	},
	{
		Section: "access", Name: "banner_success", Type: TypeString, Default: `""`,
		Doc: "A file that an admitted client is sent first.", Xinetd: "banner_success",
	},
	{
		Section: "access", Name: "banner_fail", Type: TypeString, Default: `""`,
		Doc: "A file that a refused client is sent.", Xinetd: "banner_fail",
	},
	{
		Section: "access", Name: "sensor", Type: TypeBool, Default: `false`,
		Doc: "Nobody is served; whoever connects is denied everywhere for `deny_time`.", Xinetd: "flags = SENSOR",
	},
	{
		Section: "access", Name: "deny_time", Type: TypeDuration, Default: `"1h"`, Min: 1, Max: math.MaxInt64 - 1, Infinite: true,
		Doc: "How long a source that touched the sensor is denied.", Xinetd: "deny_time",
	},
	{
		Section: "access", Name: "penalty", Type: TypeDuration, Unset: "none", Min: 1, Max: math.MaxInt64 - 1,
		Doc: "How long a source that went over its rate is refused.",
	},
}
