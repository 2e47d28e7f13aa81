package launch

// appendReport adds what a stage writes into its pipe before each entry, and again when the entry has failed.
func appendReport(to []byte, m mark) []byte {
	w := fieldWriter(to)
	w.number(int64(m.stage), flag(m.failed), m.result, flag(m.last))
	w.text(m.detail)
	return w
}

// lastReport is the last one that is complete; the zero mark, of StageProcess, if there is none.
func lastReport(reports []byte) mark {
	var last mark
	for in := (&fieldReader{rest: reports}); ; {
		m := mark{stage: Stage(in.number()), failed: in.number() == 1, result: in.number(), last: in.number() == 1, detail: in.text()}
		if in.bad {
			return last
		}
		last = m
	}
}
