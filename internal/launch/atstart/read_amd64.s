#include "textflag.h"

// func read(resource uintptr, limit *[2]uint64) (result uintptr)
TEXT ·read(SB), NOSPLIT, $0-24
	MOVQ	$0, DI // our own
	MOVQ	resource+0(FP), SI
	MOVQ	$0, DX // not changed
	MOVQ	limit+8(FP), R10
	MOVQ	$302, AX // prlimit64
	SYSCALL
	MOVQ	AX, result+16(FP)
	RET
