package launch

// A Stage is a step of a start, in the order in which they run.
type Stage uint8

// The stages. Those of one exit status are told apart by what [Error] says.
const (
	StageProcess      Stage = iota // making the process itself: nothing of the service has run, a retry may help
	StageShare                     // getting a descriptor table of its own
	StageSession                   // setsid(2) or setpgid(2)
	StageStdin                     // opening and placing descriptor 0
	StageStdout                    // descriptor 1
	StageStderr                    // descriptor 2
	StageDescriptors               // descriptors 3 and up, and closing all others
	StageAnnounce                  // LISTEN_PID and LISTEN_PIDFDID
	StageLimits                    // prlimit(2); Detail is the limit's name
	StageNice                      // setpriority(2)
	StageUmask                     // umask(2)
	StageRoot                      // chroot(2)
	StageGroups                    // setgroups(2)
	StageGID                       // setresgid(2)
	StageUID                       // setresuid(2)
	StageDirectory                 // chdir(2)
	StageCapabilities              // ambient, inheritable, permitted and effective sets
	StageVerify                    // proof that neither user nor group 0 can be had again
	StageSignals                   // default actions, none blocked
	StageExec                      // execve(2)
	stageCount
)

// stages holds of each stage what a log line says and the exit status that systemd.exec(5) gives it, by number and word.
var stages = [stageCount]struct {
	name string
	word string
	code uint8
}{
	StageProcess:      {"making a process", "", 1},
	StageShare:        {"separating descriptors", "FDS", 202},
	StageSession:      {"starting a session", "SETSID", 220},
	StageStdin:        {"setting up standard input", "STDIN", 208},
	StageStdout:       {"setting up standard output", "STDOUT", 209},
	StageStderr:       {"setting up standard error", "STDERR", 222},
	StageDescriptors:  {"passing descriptors", "FDS", 202},
	StageAnnounce:     {"announcing the process id", "FDS", 202},
	StageLimits:       {"setting resource limits", "LIMITS", 205},
	StageNice:         {"setting the nice level", "NICE", 201},
	StageUmask:        {"setting the umask", "", 1},
	StageRoot:         {"changing the root directory", "CHROOT", 210},
	StageGroups:       {"setting supplementary groups", "GROUP", 216},
	StageGID:          {"setting the group", "GROUP", 216},
	StageUID:          {"setting the user", "USER", 217},
	StageDirectory:    {"changing the working directory", "CHDIR", 200},
	StageCapabilities: {"dropping capabilities", "CAPABILITIES", 218},
	StageVerify:       {"verifying that privileges are gone", "USER", 217},
	StageSignals:      {"resetting signals", "SIGNAL_MASK", 207},
	StageExec:         {"executing", "EXEC", 203},
}

// String says what the stage does: "setting resource limits".
func (s Stage) String() string { return stages[s%stageCount].name }

// Code is the exit status that systemd.exec(5) gives the stage, 200 to 222; 1 where it has none.
func (s Stage) Code() int { return int(stages[s%stageCount].code) }

// Word is the name of that exit status without its prefix, such as "EXEC"; "" where there is none.
func (s Stage) Word() string { return stages[s%stageCount].word }
