package launch

// cloneArgs is struct clone_args of clone3(2), of which clone(2) gets what it knows.
type cloneArgs struct {
	flags      uint64
	pidfd      uint64
	childTID   uint64
	parentTID  uint64
	exitSignal uint64
	stack      uint64
	stackSize  uint64
	tls        uint64
}

const (
	cloneArgsSize     = 64 // of the first version (Linux 5.3)
	cloneClearSighand = 0x100000000
)
