package supervise

// The life of a service is a table, state × input. Only Service.feed reads it, and only there a state changes.
//
//	           start             cancel      due    made          failed            later            ended       delete
//	down       scheduled: tell   refused     late   up: tell all  down: tell all    down             –           deleted: tell
//	scheduled  scheduled: tell   down: tell  launch up: tell      down: tell rest   scheduled: tell  –           deleted: tell
//	up         refused           refused     late   up            up                up               down: tell  refused
//	deleted    refused           refused     late   –             –                 –                –           refused
//
// A start for a client that waits begins in down and is over before anybody else has a turn: made then tells that it was
// scheduled as well. A start that failed for good is told as a run that ended at once. One that failed for want of room is
// planned again where somebody asked for it; a client waits in the kernel's queue meanwhile, and the service stays down.

// A State is how a service is.
type State uint8

// The states of a service.
const (
	Down      State = iota // nothing runs, nothing is planned
	Scheduled              // a start is planned
	Up                     // at least one instance runs
	Deleted                // it is not there any more
	lifeStates
)

var lifeStateNames = [lifeStates]string{"down", "start", "up", "deleted"}

// String is the state's name in the control protocol.
func (s State) String() string { return lifeStateNames[s] }

// An occasion is an input of the table.
type occasion uint8

const (
	askedStart  occasion = iota // somebody, or what keeps it up, wants it to run, now or later
	askedCancel                 // a planned start is not wanted any more
	fellDue                     // the time of a planned start has come
	madeOne                     // an instance was started
	failedOne                   // a start failed for good
	failedNow                   // a start failed, and may succeed a moment later
	lastEnded                   // no instance is left
	askedDelete
	occasions
)

var occasionNames = [occasions]string{"start", "cancel", "due", "made", "failed", "later", "ended", "delete"}

func (o occasion) String() string { return occasionNames[o] }

// A deed is what the table has a service do.
type deed uint8

const (
	nothing     deed = iota // late, or of no consequence
	refuse                  // it cannot be: an error for whoever asks
	tell                    // tell the new state
	tellUp                  // tell that it was scheduled, and that it is up
	tellFailure             // tell a run that ended at once
	launchNow               // start an instance
	impossible              // the caller makes sure that this does not happen
)

// A passage is a cell of the table.
type passage struct {
	next State
	do   deed
}

var life = [lifeStates][occasions]passage{
	Down: {
		askedStart:  {Scheduled, tell},
		askedCancel: {Down, refuse},
		fellDue:     {Down, nothing},
		madeOne:     {Up, tellUp},
		failedOne:   {Down, tellFailure},
		failedNow:   {Down, nothing},
		lastEnded:   {Down, impossible},
		askedDelete: {Deleted, tell},
	},
	Scheduled: {
		askedStart:  {Scheduled, tell},
		askedCancel: {Down, tell},
		fellDue:     {Scheduled, launchNow},
		madeOne:     {Up, tell},
		failedOne:   {Down, tellFailure},
		failedNow:   {Scheduled, tell},
		lastEnded:   {Scheduled, impossible},
		askedDelete: {Deleted, tell},
	},
	Up: {
		askedStart:  {Up, refuse},
		askedCancel: {Up, refuse},
		fellDue:     {Up, nothing},
		madeOne:     {Up, nothing},
		failedOne:   {Up, nothing},
		failedNow:   {Up, nothing},
		lastEnded:   {Down, tell},
		askedDelete: {Up, refuse},
	},
	Deleted: {
		askedStart:  {Deleted, refuse},
		askedCancel: {Deleted, refuse},
		fellDue:     {Deleted, nothing},
		madeOne:     {Deleted, impossible},
		failedOne:   {Deleted, impossible},
		failedNow:   {Deleted, impossible},
		lastEnded:   {Deleted, impossible},
		askedDelete: {Deleted, refuse},
	},
}
