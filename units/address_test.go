package units

import "testing"

// What is taken for an address prints as one that means the same: an address identifies a listener through generations.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"80", "127.0.0.1:80", "[::1]:80", "[fe80::1]:80%eth0", "localhost:http", "/run/x", "/run/../x//y", "@x", "@", "vsock:2:80", "vsock::80", "[::ffff:1.2.3.4]:5"} {
		f.Add(s)
	}
	w := newWorld(f.Context(), fakeLookup())
	f.Fuzz(func(t *testing.T, s string) {
		for _, key := range []string{"listen_stream", "listen_datagram", "listen_sequential_packet", "listen_fifo"} {
			read := func(s string) ([]Address, error) {
				return parseAddresses(entry{key: LookupKey("socket", key), value: s}, w)
			}
			found, err := read(s)
			for _, a := range found {
				again, err := read(a.String())
				if err != nil || len(again) != 1 || again[0].Key() != a.Key() || a.Network.key() != key {
					t.Errorf("%s %q is %+v, prints as %q and reads back as %+v, %v", key, s, a, a, again, err)
				}
				if len(a.Path) > maxSunPath+1 && a.Network != FIFO || a.Path == "" && a.Port == 0 {
					t.Errorf("%s %q is %+v", key, s, a)
				}
			}
			if (err == nil) != (len(found) > 0) {
				t.Errorf("%s %q: %v, %v", key, s, found, err)
			}
		}
	})
}
