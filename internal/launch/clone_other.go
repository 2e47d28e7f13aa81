//go:build !amd64 && !arm64

package launch

import "golang.org/x/sys/unix"

// On this processor the re-executed stage starts everything.
const canClone = false

func (b *block) clone(Method, bool) (pid, pidfd int, err error) { return 0, -1, unix.ENOSYS }
