package activation

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpstartFDs(t *testing.T) {
	for _, test := range []struct {
		value string
		want  []FD
		err   string
	}{
		{"3", []FD{{3, "unknown"}}, ""},
		{"4", []FD{{4, "unknown"}}, ""}, // Upstart's own numbers are any
		{"3 4", []FD{{3, "unknown"}, {4, "unknown"}}, ""},
		{"", nil, ""},
		{"2", nil, `cannot read UPSTART_FDS: "2" is not a list of different descriptors above 2`},
		{"-1", nil, "UPSTART_FDS"},
		{"3 3", nil, "UPSTART_FDS"},
		{"3,4", nil, "UPSTART_FDS"},
		{"99999999999999999999", nil, "UPSTART_FDS"},
		{"12", nil, `cannot take descriptor 12 of UPSTART_FDS="12"`},
	} {
		t.Run(test.value, func(t *testing.T) {
			f := fakeProcess{env: environ("UPSTART_FDS=" + test.value), open: 2}
			got, err := f.process().upstartFDs()
			checkError(t, err, test.err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("upstartFDs (-want +got):\n%s", diff)
			}
			if len(f.env) != 0 {
				t.Errorf("variables left: %v", f.env)
			}
		})
	}
}
