package units

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// streamKinds are the words of standard_input and its kin; those that end with a colon take a path.
var streamKinds = map[string]StreamKind{
	"null": StreamNull, "socket": StreamSocket, "log": StreamLog, "inherit": StreamInherit,
	"file:": StreamFile, "append:": StreamAppend, "truncate:": StreamTruncate,
}

// String returns the stream as a unit file writes it.
func (s Stream) String() string {
	for word, kind := range streamKinds {
		if kind == s.Kind {
			return word + s.Path
		}
	}
	return ""
}

func parseStream(e entry) (Stream, error) {
	s, err := e.str()
	if err != nil {
		return Stream{}, err
	}
	word, target := s, ""
	if i := strings.IndexByte(s, ':'); i >= 0 {
		word, target = s[:i+1], s[i+1:]
	}
	kind, known := streamKinds[word]
	takesPath := strings.HasSuffix(word, ":")
	if !known || !slices.ContainsFunc(e.key.Words, func(w string) bool { return strings.TrimSuffix(w, "PATH") == word }) {
		return Stream{}, e.key.unknownWord(s)
	}
	if takesPath && !path.IsAbs(target) {
		return Stream{}, fmt.Errorf("%s needs an absolute path behind %q", quoteShort(s), word)
	}
	return Stream{Kind: kind, Path: target}, nil
}
