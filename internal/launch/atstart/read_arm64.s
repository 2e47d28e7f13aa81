#include "textflag.h"

// func read(resource uintptr, limit *[2]uint64) (result uintptr)
TEXT ·read(SB), NOSPLIT, $0-24
	MOVD	$0, R0 // our own
	MOVD	resource+0(FP), R1
	MOVD	$0, R2 // not changed
	MOVD	limit+8(FP), R3
	MOVD	$261, R8 // prlimit64
	SVC
	MOVD	R0, result+16(FP)
	RET
