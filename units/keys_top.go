package units

var topKeys = []Key{
	{
		Name: "description", Type: TypeString, Default: `""`, Doc: "One line for people.",
		Systemd: "Description", Upstart: "description",
		own: true, field: func(s slot) any { return &s.unit.Description },
	},
	{
		Name: "documentation", Type: TypeList, Default: `[]`, Doc: "Where to read more: URLs, or `man:` pages.",
		Systemd: "Documentation",
		own:     true, field: func(s slot) any { return &s.unit.Documentation },
	},
	{
		Name: "enabled", Type: TypeBool, Default: `true`, Doc: "`false` takes the unit out of service; its file is still checked for unknown keys and bad values.",
		Xinetd: "disable", Systemd: "WantedBy", Upstart: "manual",
		own: true, aside: true, field: func(s slot) any { return &s.raw.enabled },
	},
	{
		Name: "defaults", Type: TypeBool, Default: `true`, Doc: "`false` leaves out what `[defaults]` of sockbridge.toml says.",
		own: true, aside: true, field: func(s slot) any { return &s.raw.defaults },
	},
}
