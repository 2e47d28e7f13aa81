// Package deps holds the import policy of the module, and a test that holds it against the code.
//
// The graph of imports is the design: who may know whom. What the policy does not list is forbidden,
// so a new import is a decision that somebody sees, and a new package states its place before it builds.
package deps

// product is the policy for what ends up in the program and in the public packages.
//
// A line `a, b < c, d` says that c and d may import a and b; several lines about one package add up.
// A name of another module stands for all its packages; a name that ends in /... stands for every package
// below it. NONE is nobody: it names a package that imports the standard library only. The standard library
// is free to all, except what restricted names.
//
// To change a line, say in the commit why the package has to know the other one.
const product = `
	# What a service and a script are given: usable without the rest.
	golang.org/x/sys < activation;
	NONE < control;
	github.com/BurntSushi/toml, golang.org/x/sys < units;

	# The engine's parts know no policy and not each other.
	NONE < internal/event;
	golang.org/x/sys < internal/loop, internal/launch;
	units < internal/access;
	golang.org/x/sys < internal/access; # the form of a socket filter, for units whose service accepts
	activation, units, golang.org/x/sys < internal/listener;
	internal/event, golang.org/x/sys < internal/logsink;
	golang.org/x/sys < internal/state;
	NONE < internal/launch/atstart; # whatever it imported would run before it
	internal/launch/atstart < internal/launch;

	# The engine: it knows what a connection is given, and no unit.
	activation, internal/event, internal/launch, internal/loop, golang.org/x/sys < internal/supervise;

	# The engine driven by others: units are here for the sockets that a controller asks for, which are bound as those of
	# units are.
	activation, control, units,
	internal/event, internal/launch, internal/listener, internal/loop, internal/supervise,
	golang.org/x/sys < internal/controllers;

	# The two places where everything meets: the manager of units, and the engine alone under daemonproxy's name.
	activation, control, units,
	internal/access, internal/controllers, internal/event, internal/launch, internal/listener,
	internal/logsink, internal/loop, internal/state, internal/supervise,
	golang.org/x/sys < internal/superserver;
	control, internal/controllers, internal/event, internal/launch, internal/loop, internal/supervise,
	golang.org/x/sys < internal/proxy;

	# The command line parses, calls and prints; launch is here for the stage that it enters
	# again, logsink for the choice of where the log goes.
	activation, control, units, internal/launch, internal/logsink, internal/proxy, internal/state, internal/superserver,
	github.com/spf13/cobra < cmd/sockbridge;
	golang.org/x/sys < cmd/sockbridge; # whether standard error is a terminal

	activation < examples/go/...;
	control < examples/controllers/go/...;
	golang.org/x/sys, os/exec < bench/control; # it starts what it measures

	# Only tests live here.
	NONE < examples, internal/deps, test;
`

// restricted names the parts of the standard library that are not free to all, and why. A line of the policy
// may allow one of them to a package.
var restricted = map[string]string{
	"C":        "the product is one static binary",
	"net/http": "it costs every process that links it memory, and the engine must stay small",
	"os/exec":  "only internal/launch starts processes",
	"plugin":   "the product is one static binary",
}

// tests is what test files may import beyond what their package may: themselves, the standard library, and
// the helpers that any test may use.
const tests = `
	github.com/google/go-cmp, go.uber.org/goleak, golang.org/x/sys, pgregory.net/rapid < ...;
	activation, units < internal/superserver, internal/supervise;
	activation, github.com/BurntSushi/toml < examples; # the units that start them
	activation < internal/launch;
	github.com/rogpeppe/go-internal < cmd/sockbridge, test;
`
