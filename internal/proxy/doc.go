// Package proxy is the program that answers to the name daemonproxy: the engine of services, handles and triggers, driven by
// controllers alone, without units. Its command line, its log, its exit codes and its start are daemonproxy's, so that the
// clients and configuration files of that program work unchanged; docs/daemonproxy.md is the page for its users.
//
//	os.Exit(proxy.Main(os.Args, version))
//
// Everything but the reception of signals happens on the main thread, in one loop.
//
// # Notes
//
// The program never ends by accident: whatever ends it goes through one function (see ending), which knows the guard and the
// exec on exit. A log that nobody reads never holds it up (see Log).
package proxy
