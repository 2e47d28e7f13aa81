package supervise

import (
	"cmp"
	"slices"
)

// subscribers are the services that wait for something: for a handle by its key, for a signal.
type subscribers[K comparable] map[K]map[*Service]struct{}

func (l subscribers[K]) add(k K, s *Service) {
	if l[k] == nil {
		l[k] = map[*Service]struct{}{}
	}
	l[k][s] = struct{}{}
}

func (l subscribers[K]) remove(k K, s *Service) {
	delete(l[k], s)
	if len(l[k]) == 0 {
		delete(l, k)
	}
}

// of are the subscribers of k, in the order in which they were defined: a copy.
func (l subscribers[K]) of(k K) []*Service {
	if len(l[k]) == 0 {
		return nil
	}
	list := make([]*Service, 0, len(l[k]))
	for s := range l[k] {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Service) int { return cmp.Compare(a.number, b.number) })
	return list
}
