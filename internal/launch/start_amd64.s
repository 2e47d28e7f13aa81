#include "go_asm.h"
#include "textflag.h"

// func spawn(trap, a1, a2, a3, a4, a5, block, table uintptr) (result uintptr)
//
// The child keeps the block in R13 and its entry in R12, and never uses its stack. The kernel
// clobbers AX, CX and R11.
TEXT ·spawn(SB), NOSPLIT, $0-72
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	block+48(FP), R13
	MOVQ	table+56(FP), R12
	MOVQ	trap+0(FP), AX
	SYSCALL
	TESTQ	AX, AX
	JZ	next
	MOVQ	AX, result+64(FP)
	RET

next:
	MOVQ	R12, CX
	SUBQ	R13, CX
	MOVL	CX, header_at(R13)
	MOVQ	(entry_args+0)(R12), DI
	MOVQ	(entry_args+8)(R12), SI
	MOVL	entry_nr(R12), AX
	CMPL	AX, $const_nrDecimal
	JEQ	decimal
	MOVQ	(entry_args+16)(R12), DX
	MOVQ	(entry_args+24)(R12), R10
	MOVQ	(entry_args+32)(R12), R8
	MOVQ	(entry_args+40)(R12), R9
	SYSCALL
	MOVLQSX	entry_want(R12), CX
	TESTQ	CX, CX
	JNZ	exact
	TESTQ	AX, AX
	JLT	failed
	MOVL	entry_save(R12), CX
	TESTQ	CX, CX
	JZ	done
	MOVQ	AX, (R13)(CX*1)
done:
	ADDQ	$entry__size, R12
	JMP	next

exact:
	CMPQ	AX, CX
	JEQ	done
	CMPQ	CX, $const_anyResult
	JEQ	done
failed:
	MOVQ	AX, header_result(R13)
	MOVL	$1, header_failed(R13)
	MOVBLZX	entry_exit(R12), DI
	MOVL	$231, AX // exit_group
	SYSCALL
	INT	$3

decimal: // the number at (DI) to the text at (SI): first count its digits, then write them from the last
	MOVQ	(DI), BX
	MOVQ	$10, CX
	MOVQ	BX, AX
count:
	INCQ	SI
	XORL	DX, DX
	DIVQ	CX
	TESTQ	AX, AX
	JNZ	count
	MOVQ	BX, AX
digit:
	DECQ	SI
	XORL	DX, DX
	DIVQ	CX
	ADDL	$48, DX
	MOVB	DX, (SI)
	TESTQ	AX, AX
	JNZ	digit
	JMP	done
