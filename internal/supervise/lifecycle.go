package supervise

// The life of an instance is a table, state × input. Only Instance.feed reads it, and only there a state changes.
//
//	           started         failed       exited        stop              kill         deadline
//	starting   running: tell   ended: tell  (settles first) stopping: TERM  killed: KILL  late
//	running    –               –            ended: reap   stopping: TERM    killed: KILL  late
//	stopping   stopping: tell  ended: tell  ended: reap   already           killed: KILL  killed: KILL
//	killed     killed: tell    ended: tell  ended: reap   already           already       late
//	ended      late            late         late          late              late          late
//
// A start that is still setting up when it is asked to stop gets TERM like any other: it is blocked until the set-up is over and
// ends the process there.

type state uint8

const (
	starting state = iota // set-up runs, the program is not executed yet
	running
	stopping // TERM and CONT sent, the deadline runs
	killed   // KILL sent
	ended    // reaped; nothing is left
	states
)

var stateNames = [states]string{"starting", "running", "stopping", "killed", "ended"}

func (s state) String() string { return stateNames[s] }

type input uint8

const (
	started   input = iota // the program was executed
	failed                 // a step of the set-up failed, the process is gone
	exited                 // the process ended
	stopAsked              // somebody wants it to end
	killAsked              // at once
	deadline               // the time between TERM and KILL is over
	inputs
)

var inputNames = [inputs]string{"started", "failed", "exited", "stop", "kill", "deadline"}

func (i input) String() string { return inputNames[i] }

type action uint8

const (
	ignore    action = iota // late or repeated: nothing is to be done
	tellStart               // tell that it runs
	tellFail                // tell why it does not
	terminate               // send TERM and CONT, set the deadline
	kill                    // send KILL
	reap                    // take the status and tell
	never                   // the caller makes sure that this does not happen
)

type cell struct {
	next state
	do   action
}

var lifecycle = [states][inputs]cell{
	starting: {
		started:   {running, tellStart},
		failed:    {ended, tellFail},
		exited:    {starting, never}, // Instance.poll settles a start before it looks for its end
		stopAsked: {stopping, terminate},
		killAsked: {killed, kill},
		deadline:  {starting, ignore},
	},
	running: {
		started:   {running, never},
		failed:    {running, never},
		exited:    {ended, reap},
		stopAsked: {stopping, terminate},
		killAsked: {killed, kill},
		deadline:  {running, ignore},
	},
	stopping: {
		started:   {stopping, tellStart},
		failed:    {ended, tellFail},
		exited:    {ended, reap},
		stopAsked: {stopping, ignore},
		killAsked: {killed, kill},
		deadline:  {killed, kill},
	},
	killed: {
		started:   {killed, tellStart},
		failed:    {ended, tellFail},
		exited:    {ended, reap},
		stopAsked: {killed, ignore},
		killAsked: {killed, ignore},
		deadline:  {killed, ignore},
	},
	ended: {
		started:   {ended, ignore},
		failed:    {ended, ignore},
		exited:    {ended, ignore},
		stopAsked: {ended, ignore},
		killAsked: {ended, ignore},
		deadline:  {ended, ignore},
	},
}
