// Package state carries what a program knows over its own execve(2): in a memfd, which the program that takes its place reads.
//
// The form is made to be checked before anything is given up for it. All numbers are big-endian:
//
//	16 bytes  "sockbridge state"
//	 4 bytes  version of the form, 1
//	 4 bytes  number of sections
//	sections, each:
//	   2 bytes  length of its name
//	   4 bytes  length of its content
//	   name, content (JSON)
//	32 bytes  SHA-256 of all before
//
// A writer seals the memfd, so that what was checked is what is read later (memfd_create(2)). A reader takes only its own version:
// it knows no later one, and there is no earlier one. Sections that it does not ask for are ignored; those that it asks for and
// that are not there are an error.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Version is that of the form. It changes when a program that knows only the one before could misread it.
const Version = 1

// MaxSize bounds a state, in bytes: what is larger is none.
const MaxSize = 256 << 20

const magic = "sockbridge state"

const headSize = len(magic) + 4 + 4

// A State is what one program tells the next: named sections, each a value in JSON. The zero State is empty.
type State struct {
	names    []string
	contents [][]byte
}

// Put adds a section. A name counts once.
func (s *State) Put(name string, value any) error {
	content, err := json.Marshal(value)
	switch {
	case err != nil:
		return fmt.Errorf("cannot write section %q of the state: %w", name, err)
	case len(name) > math.MaxUint16 || len(content) > MaxSize:
		return fmt.Errorf("cannot write section %q of the state: it is too long", name)
	case s.find(name) != nil:
		return fmt.Errorf("cannot write section %q of the state: there is one already", name)
	}
	s.names, s.contents = append(s.names, name), append(s.contents, content)
	return nil
}

// Get reads a section into value.
func (s *State) Get(name string, value any) error {
	content := s.find(name)
	if content == nil {
		return fmt.Errorf("cannot read section %q of the state: it is not there", name)
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("cannot read section %q of the state: %w", name, err)
	}
	return nil
}

func (s *State) find(name string) []byte {
	for i, n := range s.names {
		if n == name {
			return s.contents[i]
		}
	}
	return nil
}

// Encode returns the state in its form.
func (s *State) Encode() []byte {
	b := append([]byte(magic), 0, 0, 0, Version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.names)))
	for i, name := range s.names {
		b = binary.BigEndian.AppendUint16(b, uint16(len(name)))
		b = binary.BigEndian.AppendUint32(b, uint32(len(s.contents[i])))
		b = append(append(b, name...), s.contents[i]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// ErrForm is what Decode's errors wrap for what is not a whole state.
var ErrForm = errors.New("not a state, or a damaged one")

// A VersionError is Decode's for a state of another version.
type VersionError struct{ Version uint32 }

func (e VersionError) Error() string {
	return fmt.Sprintf("the state has version %d, and this program reads version %d only", e.Version, Version)
}

// Decode reads a state. It keeps parts of b. The version is looked at before all else that could differ with it.
func Decode(b []byte) (*State, error) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(magic)) {
		return nil, fmt.Errorf("%w: no head", ErrForm)
	}
	if v := binary.BigEndian.Uint32(b[len(magic):]); v != Version {
		return nil, VersionError{v}
	}
	if len(b) < headSize+sha256.Size {
		return nil, fmt.Errorf("%w: cut off", ErrForm)
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if actual := sha256.Sum256(body); !bytes.Equal(actual[:], sum) {
		return nil, fmt.Errorf("%w: the checksum differs", ErrForm)
	}
	return decodeSections(binary.BigEndian.Uint32(body[len(magic)+4:]), body[headSize:])
}

func decodeSections(n uint32, rest []byte) (*State, error) {
	s := &State{}
	for range n {
		if len(rest) < 6 {
			return nil, fmt.Errorf("%w: a section is cut off", ErrForm)
		}
		name, content := int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint32(rest[2:]))
		rest = rest[6:]
		if name > len(rest) || content > len(rest)-name {
			return nil, fmt.Errorf("%w: a section is cut off", ErrForm)
		}
		if s.find(string(rest[:name])) != nil {
			return nil, fmt.Errorf("%w: two sections %q", ErrForm, rest[:name])
		}
		s.names = append(s.names, string(rest[:name]))
		s.contents = append(s.contents, rest[name:name+content])
		rest = rest[name+content:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: something follows the last section", ErrForm)
	}
	return s, nil
}
