package proxy

// An option is a row of the table from which the command line is read and --help is printed.
type option struct {
	short byte   // 0: none
	long  string // without its dashes
	arg   string // the name of its value; "": it takes none
	help  string
	apply func(s *settings, value string) error
}

// options are all there are, in the order of --help. It is a function, as --help prints it.
func options() []option {
	return []option{
		{'c', "config", "FILENAME", "read commands from FILENAME at startup; - is standard input", (*settings).setConfig},
		{'i', "interactive", "", "standard input and output are a controller, at whose end we end", flag(func(s *settings) { s.interactive = true })},
		{'S', "socket", "PATH", "listen for controllers on a Unix socket at PATH", (*settings).setSocket},
		{'D', "daemonize", "", "go into the background and print the process id", flag(func(s *settings) { s.daemonize = true })},
		{0, "exit-guard", "INTEGER", "refuse to end without this code; 0 is off", (*settings).setGuard},
		{'E', "exit-exec", "TSV_ARGS", "execute this in our place at the end, whatever its reason", (*settings).setExec},
		{0, "fd-pool", "N[xM]", "allow N handles, with M bytes for the path of each", (*settings).setHandles},
		{0, "service-pool", "N[xM]", "allow N services, with M bytes for the arguments of each", (*settings).setServices},
		{'M', "mlockall", "", "keep all memory from being swapped out", flag(func(s *settings) { s.lock = true })},
		{'v', "verbose", "", "log one level more; may be repeated", flag(func(s *settings) { s.log.Step(-1) })},
		{'q', "quiet", "", "log one level less; may be repeated", flag(func(s *settings) { s.log.Step(+1) })},
		{'h', "help", "", "print this list", (*settings).showHelp},
		{0, "version", "", "print the version", (*settings).showVersion},
	}
}

// flag is an option that takes no value and cannot fail.
func flag(set func(*settings)) func(*settings, string) error {
	return func(s *settings, _ string) error {
		set(s)
		return nil
	}
}

// parse applies the elements of a command line from left to right. An error is the status to exit with; with a guard set, what
// is wrong is told and left out.
func (s *settings) parse(args []string) error {
	p := parser{settings: s, rest: args, table: options()}
	for len(p.rest) > 0 {
		if err := p.element(); err != nil {
			return err
		}
	}
	return s.check()
}

// A parser is the part of a command line that was not read yet.
type parser struct {
	settings *settings
	rest     []string
	table    []option
}

// next takes the next element, if there is one.
func (p *parser) next() (string, bool) {
	if len(p.rest) == 0 {
		return "", false
	}
	first := p.rest[0]
	p.rest = p.rest[1:]
	return first, true
}

// element reads one element and the values of its options.
func (p *parser) element() error {
	text, _ := p.next()
	switch {
	case text == "" || text[0] != '-':
		// The original says it so, with a blank line behind.
		return p.settings.fatal(codeOptions, "Unexpected argument \"%s\"\n", text)
	case len(text) > 1 && text[1] == '-':
		return p.option(text, func(o *option) bool { return o.long == text[2:] })
	}
	for i := 1; i < len(text); i++ {
		letter := text[i]
		err := p.option("-"+text[i:i+1], func(o *option) bool { return o.short == letter })
		if err != nil {
			return err
		}
	}
	return nil
}

// option applies an option; name is what it was called.
func (p *parser) option(name string, is func(*option) bool) error {
	for i := range p.table {
		if o := &p.table[i]; is(o) {
			return p.apply(name, o)
		}
	}
	return p.settings.fatal(codeOptions, "Unknown option %s  (see --help)", name)
}

func (p *parser) apply(name string, o *option) error {
	if o.arg == "" {
		return o.apply(p.settings, "")
	}
	value, ok := p.next()
	if !ok {
		return p.settings.fatal(codeOptions, "Missing argument for %s", name)
	}
	return o.apply(p.settings, value)
}
