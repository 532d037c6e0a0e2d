package config

import (
	"fmt"
	"net/netip"

	"scaf.dev/scaf/internal/platform/outbound"
)

// HRIS is the HR system with which SCAF exchanges what both have to know: people
// come from there, and what they acknowledged goes there.
type HRIS struct {
	// Secret is that of the webhooks in both directions (whsec_...), two of them
	// while it is replaced.
	Secret Secret `json:"secret"`
	// SendTo is where acknowledgments are sent; empty: nowhere.
	SendTo string `json:"send_to,omitempty"`
	// ReadFrom is where those that the HR system holds are read; empty: they are not.
	ReadFrom string `json:"read_from,omitempty"`
	// Token is shown to the HR system when it is read (RFC 6750); nil: none is.
	Token *Secret `json:"token,omitempty"`
	// AllowPrivate are the networks that are not public and may be reached all the
	// same, like 10.1.0.0/16.
	AllowPrivate []string `json:"allow_private,omitempty"`
	// Roots is the path of a PEM file with certification authorities that count
	// instead of the system's; relative to the folder.
	Roots string `json:"roots,omitempty"`
}

// Private are the networks of AllowPrivate.
func (h *HRIS) Private() (all []netip.Prefix, err error) {
	for _, text := range h.AllowPrivate {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: hris.allow_private: %q is no network like 10.1.0.0/16", ErrInvalid, text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func (h *HRIS) check() error {
	if h == nil {
		return nil
	}
	if err := h.Secret.check("hris.secret"); err != nil {
		return err
	}
	if h.Token != nil {
		if err := h.Token.check("hris.token"); err != nil {
			return err
		}
	}
	for _, one := range []struct{ name, address string }{{"send_to", h.SendTo}, {"read_from", h.ReadFrom}} {
		if one.address != "" {
			if err := outbound.CheckURL(one.address); err != nil {
				return fmt.Errorf("%w: hris.%s: %w", ErrInvalid, one.name, err)
			}
		}
	}
	_, err := h.Private()
	return err
}
