package activation

import (
	"net/netip"
	"strconv"
)

// variables collects NAME=value strings in one buffer, so that an environment costs one allocation however many
// variables it has: a manager makes one for each connection. Like append, its methods return the variables with one
// more; storing through a pointer instead would move buffers that callers have on the stack to the heap.
type variables struct {
	text []byte
	ends []int // of each variable in text
}

// begin starts a variable, whose value is appended to text until end.
func (v variables) begin(name string) variables {
	v.text = append(v.text, name...)
	v.text = append(v.text, '=')
	return v
}

func (v variables) end() variables {
	v.ends = append(v.ends, len(v.text))
	return v
}

func (v variables) set(name, value string) variables {
	v = v.begin(name)
	v.text = append(v.text, value...)
	return v.end()
}

// setClean sets a value that a peer chose.
func (v variables) setClean(name, value string) variables {
	v = v.begin(name)
	v.text = appendClean(v.text, value)
	return v.end()
}

func (v variables) setNumber(name string, value uint64) variables {
	v = v.begin(name)
	v.text = strconv.AppendUint(v.text, value, 10)
	return v.end()
}

func (v variables) setIP(name string, value netip.Addr) variables {
	v = v.begin(name)
	v.text = value.AppendTo(v.text)
	return v.end()
}

// appendTo appends the variables to env in the order in which they were set.
func (v variables) appendTo(env []string) []string {
	text, start := string(v.text), 0
	for _, end := range v.ends {
		env = append(env, text[start:end])
		start = end
	}
	return env
}
