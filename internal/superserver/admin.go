package superserver

// What an operator has made of a unit is a table, state × command. Only Server.order reads it. "close" is: listeners closed, those
// who are served may finish; "end" is: and they are ended at once; "–" is: nothing is to be done.
//
//	            start         stop            stop now       pause          resume         drain           drain now            restart
//	active      –             stopped: close  stopped: end   paused: apply  –              draining: apply draining: apply, end restart
//	paused      active: apply stopped: close  stopped: end   –              active: apply  draining: apply draining: apply, end restart
//	draining    active: apply stopped: close  stopped: end   paused: apply  active: apply  –               end                  restart
//	stopped     active: open  –               end            not listening  not listening  not listening   not listening        not listening
//	failed      active: open  stopped         stopped        not listening  not listening  not listening   not listening        not listening
//
// An open that fails leads to failed instead. A reload keeps paused, draining and stopped as they are, and tries failed again.

// A standing is what an operator, or a failure, has made of a unit.
type standing uint8

const (
	active   standing = iota // it serves
	paused                   // nobody is accepted; clients wait in the kernel's queue
	draining                 // clients are refused; those who are served may finish
	stopped                  // its listeners are closed
	failed                   // it was left out, for a reason
	standings
)

var standingNames = [standings]string{"active", "paused", "draining", "stopped", "failed"}

func (s standing) String() string { return standingNames[s] }

// open reports whether the unit's listeners are.
func (s standing) open() bool { return s <= draining }

// An order is a command about a unit's standing.
type order uint8

const (
	orderStart order = iota
	orderStop
	orderStopNow
	orderPause
	orderResume
	orderDrain
	orderDrainNow
	orderRestart
	orders
)

var orderNames = [orders]string{"start", "stop", "stop now", "pause", "resume", "drain", "drain now", "restart"}

func (o order) String() string { return orderNames[o] }

// A step is what is done to carry an order out.
type step uint8

const (
	stepNone     step = iota
	stepApply         // tell the runner the new standing
	stepClose         // close the listeners
	stepCloseEnd      // and end what runs
	stepEnd           // end what runs
	stepApplyEnd      // tell the runner, and end what runs
	stepOpen          // open the listeners and serve
	stepRestart       // ask what holds listeners to end, so that it begins anew
	stepRefuse        // the order makes no sense there
)

type verdict struct {
	next standing
	do   step
}

var administration = [standings][orders]verdict{
	active: {
		orderStart:    {active, stepNone},
		orderStop:     {stopped, stepClose},
		orderStopNow:  {stopped, stepCloseEnd},
		orderPause:    {paused, stepApply},
		orderResume:   {active, stepNone},
		orderDrain:    {draining, stepApply},
		orderDrainNow: {draining, stepApplyEnd},
		orderRestart:  {active, stepRestart},
	},
	paused: {
		orderStart:    {active, stepApply},
		orderStop:     {stopped, stepClose},
		orderStopNow:  {stopped, stepCloseEnd},
		orderPause:    {paused, stepNone},
		orderResume:   {active, stepApply},
		orderDrain:    {draining, stepApply},
		orderDrainNow: {draining, stepApplyEnd},
		orderRestart:  {paused, stepRestart},
	},
	draining: {
		orderStart:    {active, stepApply},
		orderStop:     {stopped, stepClose},
		orderStopNow:  {stopped, stepCloseEnd},
		orderPause:    {paused, stepApply},
		orderResume:   {active, stepApply},
		orderDrain:    {draining, stepNone},
		orderDrainNow: {draining, stepEnd},
		orderRestart:  {draining, stepRestart},
	},
	stopped: {
		orderStart:    {active, stepOpen},
		orderStop:     {stopped, stepNone},
		orderStopNow:  {stopped, stepEnd},
		orderPause:    {stopped, stepRefuse},
		orderResume:   {stopped, stepRefuse},
		orderDrain:    {stopped, stepRefuse},
		orderDrainNow: {stopped, stepRefuse},
		orderRestart:  {stopped, stepRefuse},
	},
	failed: {
		orderStart:    {active, stepOpen},
		orderStop:     {stopped, stepNone},
		orderStopNow:  {stopped, stepNone},
		orderPause:    {failed, stepRefuse},
		orderResume:   {failed, stepRefuse},
		orderDrain:    {failed, stepRefuse},
		orderDrainNow: {failed, stepRefuse},
		orderRestart:  {failed, stepRefuse},
	},
}
