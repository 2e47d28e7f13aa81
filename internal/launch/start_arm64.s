#include "go_asm.h"
#include "textflag.h"

// func spawn(trap, a1, a2, a3, a4, a5, block, table uintptr) (result uintptr)
//
// The child keeps the block in R19 and its entry in R20, and never uses its stack. The kernel clobbers R0 only.
TEXT ·spawn(SB), NOSPLIT, $0-72
	MOVD	a1+8(FP), R0
	MOVD	a2+16(FP), R1
	MOVD	a3+24(FP), R2
	MOVD	a4+32(FP), R3
	MOVD	a5+40(FP), R4
	MOVD	block+48(FP), R19
	MOVD	table+56(FP), R20
	MOVD	trap+0(FP), R8
	SVC
	CBZ	R0, next
	MOVD	R0, result+64(FP)
	RET

next:
	SUB	R19, R20, R9
	MOVW	R9, header_at(R19)
	MOVD	(entry_args+0)(R20), R0
	MOVD	(entry_args+8)(R20), R1
	MOVWU	entry_nr(R20), R8
	MOVD	$const_nrDecimal, R9
	CMP	R9, R8
	BEQ	decimal
	MOVD	(entry_args+16)(R20), R2
	MOVD	(entry_args+24)(R20), R3
	MOVD	(entry_args+32)(R20), R4
	MOVD	(entry_args+40)(R20), R5
	SVC
	MOVW	entry_want(R20), R9 // sign-extends
	CBNZ	R9, exact
	CMP	$0, R0
	BLT	failed
	MOVWU	entry_save(R20), R9
	CBZ	R9, done
	MOVD	R0, (R19)(R9)
done:
	ADD	$entry__size, R20
	B	next

exact:
	CMP	R9, R0
	BEQ	done
	MOVD	$const_anyResult, R10
	CMP	R10, R9
	BEQ	done
failed:
	MOVD	R0, header_result(R19)
	MOVD	$1, R9
	MOVW	R9, header_failed(R19)
	DMB	$0xb // both are seen before the kernel's clearing of tid
	MOVBU	entry_exit(R20), R0
	MOVD	$94, R8 // exit_group
	SVC
	UNDEF

decimal: // the number at (R0) to the text at (R1): first count its digits, then write them from the last
	MOVD	(R0), R2
	MOVD	$10, R3
	MOVD	R2, R4
count:
	ADD	$1, R1
	UDIV	R3, R4
	CBNZ	R4, count
digit:
	SUB	$1, R1
	UDIV	R3, R2, R4
	MSUB	R4, R2, R3, R5 // R5 = R2 - R4*R3
	ADD	$48, R5
	MOVB	R5, (R1)
	MOVD	R4, R2
	CBNZ	R2, digit
	B	done
