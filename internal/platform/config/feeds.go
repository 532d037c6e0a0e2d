package config

import (
	"fmt"
	"net/netip"
)

// Feeds is how feeds of other machines are read.
type Feeds struct {
	// AllowPrivate are the networks that are not public and may be reached all the
	// same, like 10.1.0.0/16.
	AllowPrivate []string `json:"allow_private,omitempty"`
	// Roots is the path of a PEM file with certification authorities that count
	// instead of the system's; relative to the folder.
	Roots string `json:"roots,omitempty"`
}

// Private are the networks of AllowPrivate.
func (f *Feeds) Private() (all []netip.Prefix, err error) {
	if f == nil {
		return nil, nil
	}
	for _, text := range f.AllowPrivate {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: feeds.allow_private: %q is no network like 10.1.0.0/16", ErrInvalid, text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}
