package control

// A Command is one that a session understands.
type Command struct {
	Name    string
	Rights  Rights  // what a session needs to send it
	Version Version // in an older one the command is unknown; 0 is Version1

	// Args and Help are for the documentation: "NAME [ARG…]", and a sentence without its full stop.
	Args, Help string

	// Run executes it, on the goroutine that called [Session.Turn]. A nil error means success, which version 1 does not
	// tell. The error is told to the peer: as an *[Error] says, any other as its text with CodeFailed.
	Run func(c *Call) error
}

// Commands are the commands of a session by their names. One table serves all sessions; it must not change any more.
type Commands map[string]Command

// NewCommands returns a table of these commands and of [Builtin]. Two of one name panic.
func NewCommands(lists ...[]Command) Commands {
	table := Commands{}
	for _, list := range append([][]Command{Builtin()}, lists...) {
		for _, command := range list {
			if _, exists := table[command.Name]; exists {
				panic("two control commands are called " + command.Name)
			}
			table[command.Name] = command
		}
	}
	return table
}

// inlineFields is how many fields of a line cost no allocation of their own.
const inlineFields = 8

// A Call is one execution of a command.
type Call struct {
	Session *Session
	Name    string
	Args    []string // the fields behind the name, the callee's to keep; nil: none, as against one that is empty
	Raw     string   // the whole line as received, without its line feed, with `id` and its token

	token   string
	named   bool // token was given
	streams []func() bool
	later   int   // how many Laters are not done
	err     error // of Run or of a Later
	settled bool  // Run has returned
	ended   bool  // neither Stream nor done changes anything
	store   [inlineFields]string
}

// Emit sends an event to the one who asked.
func (c *Call) Emit(fields ...string) { c.Session.Emit(fields...) }

// Stream has next called after Run has returned, again and again while there is room for output, until it returns false. It
// should emit an event or a few each time. The command ends after that; further commands of the session wait. Several streams
// run one after another; one may be added as long as the command has not ended. An error of Run drops them.
func (c *Call) Stream(next func() bool) {
	if c.ended {
		return
	}
	c.streams = append(c.streams, next)
	if c.settled {
		c.Session.wake()
	}
}

// Later makes the command end only when done is called, on the goroutine of the session; further commands of the session wait.
// Done may be called during Run, and after the session has ended. After several calls of Later the last done ends the command,
// with the first error. An error of Run ends it at once.
func (c *Call) Later() (done func(error)) {
	c.later++
	return func(err error) {
		if done == nil || c.ended {
			return
		}
		done = nil
		c.later--
		if c.err == nil {
			c.err = err
		}
		c.Session.settle(c)
	}
}
