package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/ledger"
)

// ledgerQuery is what the explorer shows.
type ledgerQuery struct {
	Type, Subject, Actor, Outcome, Since, Until string
	Before                                      string // an index: events before it
}

// Address is that of the explorer with this query, before another index, or with
// another parameter.
func (q ledgerQuery) Address(name, value string) string {
	values := url.Values{}
	for name, value := range map[string]string{"type": q.Type, "subject": q.Subject, "actor": q.Actor, "outcome": q.Outcome, "since": q.Since, "until": q.Until} {
		if value != "" {
			values.Set(name, value)
		}
	}
	values.Set(name, value)
	return "/ledger?" + values.Encode()
}

const (
	eventsPerPage = 50
	// mostAttached is how many subjects beside the one that is followed a page names.
	mostAttached = 40
	// mostSearched is how many events that the ledger finds are looked at for their
	// outcome, which it has no index of, before a page says how far it came.
	mostSearched = 2000
)

// outcomes are what an event's outcome can be.
var outcomes = []string{act.Success, act.Failure, act.Denied}

// ledgerPage is what the explorer shows.
type ledgerPage struct {
	Query    ledgerQuery
	Outcomes []string
	Events   []*ledger.Event
	Size     int64
	Wrong    string
	// Next is the index before which the next page begins; negative: this is the last
	// one. Searched: the page ends there since enough was looked at.
	Next     int64
	Searched bool
	// Attached are the subjects under which it is what hangs on the record that is followed.
	Attached []string
}

// ledger is the explorer: events, the newest first.
func (p *Portal) ledger(r *request) (*shown, error) {
	page := &ledgerPage{Outcomes: outcomes, Next: -1, Query: ledgerQuery{
		Type: r.FormValue("type"), Subject: r.FormValue("subject"), Actor: r.FormValue("actor"), Outcome: r.FormValue("outcome"),
		Since: r.FormValue("since"), Until: r.FormValue("until"), Before: r.FormValue("before"),
	}}
	shows := &shown{page: "ledger", title: "Ledger", data: page}
	q := ledger.Query{Type: page.Query.Type, Subject: page.Query.Subject, Actor: page.Query.Actor, Newest: true}
	zone, err := p.System.Config.Location()
	if err != nil {
		return nil, err
	}
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"since", page.Query.Since, &q.Since}, {"until", page.Query.Until, &q.Until}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = config.Instant(bound.text, zone); err != nil {
			page.Wrong, shows.status = fmt.Sprintf("%s: %v", bound.name, err), http.StatusUnprocessableEntity
		}
	}
	if page.Query.Before != "" {
		if q.To, err = strconv.ParseInt(page.Query.Before, 10, 64); err != nil || q.To < 0 {
			page.Wrong, shows.status = fmt.Sprintf("%q is no index: events are numbered 0, 1, 2 ...", page.Query.Before), http.StatusUnprocessableEntity
		}
	}
	if page.Wrong != "" {
		return shows, nil
	}
	return shows, p.find(r.Context(), q, page)
}

// find reads the events of a page.
func (p *Portal) find(ctx context.Context, q ledger.Query, page *ledgerPage) error {
	return p.System.DB.Read(ctx, func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		if err != nil {
			return err
		}
		if page.Size = head.Size; page.Query.Before == "0" {
			return nil
		}
		if kind, id, err := p.System.Kinds.Parse(page.Query.Subject); err == nil {
			if page.Attached, err = attached.Subjects(r, kind.Name+"/"+id, mostAttached); err != nil {
				return err
			}
		}
		searched := 0
		return ledger.FindIn(r, q, func(e *ledger.Event) error {
			if len(page.Events) == eventsPerPage || searched == mostSearched {
				page.Next, page.Searched = e.Index+1, searched == mostSearched
				return ledger.Stop
			}
			if page.Query.Outcome != "" && e.Outcome != page.Query.Outcome {
				searched++
				return nil
			}
			page.Events = append(page.Events, e)
			return nil
		})
	})
}

// eventPage is what the page of an event shows.
type eventPage struct {
	*ledger.Event
	Shown string // the stored bytes, indented
	Bytes int
	Proof *ledger.Proof
	Tree  *drawnProof
	// Wrong says why the proof does not hold; empty: it does.
	Wrong         string
	Root          string
	Size          int64 // of the checkpoint
	Before, After int64 // negative: none
}

// event is the page of an event with its proof, checked.
func (p *Portal) event(r *request) (*shown, error) {
	index, err := strconv.ParseInt(r.PathValue("index"), 10, 64)
	if err != nil || index < 0 {
		return nil, errNotFound
	}
	page := &eventPage{Before: index - 1, After: -1}
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if page.Event, err = ledger.Get(reader, index); err != nil {
			return err
		}
		page.Proof, err = ledger.Prove(reader, index)
		return err
	})
	if errors.Is(err, ledger.ErrNoEvent) {
		return nil, errNotFound
	}
	if damaged := page.Event != nil && errors.Is(err, ledger.ErrDamaged); err != nil && !damaged {
		return nil, err
	}
	page.Bytes = len(page.Body)
	var indented bytes.Buffer
	if json.Indent(&indented, page.Body, "", "  ") == nil {
		page.Shown = indented.String()
	} else {
		page.Shown = string(page.Body)
	}
	if err != nil {
		page.Wrong = capital(err.Error()) + "."
	} else if err := page.check(p.System.VerifierKey); err != nil {
		page.Wrong = capital(err.Error()) + "."
	}
	return &shown{page: "event", title: "Event " + strconv.FormatInt(index, 10), data: page}, nil
}

// check checks the proof as anybody can who has the ledger's key, and draws it.
func (page *eventPage) check(verifierKey string) error {
	checkpoint, err := page.Proof.Check(verifierKey)
	if err != nil {
		return err
	}
	page.Root, page.Size = fmt.Sprintf("%x", checkpoint.Hash), int64(checkpoint.Size)
	if page.Index+1 < page.Size {
		page.After = page.Index + 1
	}
	path, err := page.Proof.Path(page.Size)
	if err == nil {
		page.Tree = drawProof(page.Proof.LeafHash, path)
	}
	return err
}

// drawnProof is an inclusion proof as a picture: from the event at the bottom to
// the root at the top.
type drawnProof struct {
	Width, Height int
	Nodes         []drawnNode
	Lines         []drawnLine
}

type drawnNode struct {
	X, Y        int    // of the upper left corner
	Kind        string // leaf, given, computed, root
	Hash, Label string
}

// TextX and TextY are where its text begins.
func (n drawnNode) TextX() int { return n.X + 10 }
func (n drawnNode) TextY() int { return n.Y + 17 }

type drawnLine struct{ X1, Y1, X2, Y2 int }

// Measures of the picture.
const (
	nodeWidth, nodeHeight = 250, 26
	levelHeight           = 44
	pictureWidth          = 560
)

// drawProof draws a path. What stands to the left of the path is drawn to its left.
func drawProof(leaf string, path []ledger.PathStep) *drawnProof {
	d := &drawnProof{Width: pictureWidth, Height: levelHeight*len(path) + nodeHeight + 2}
	y := d.Height - nodeHeight - 1
	known := drawnNode{X: (pictureWidth - nodeWidth) / 2, Y: y, Kind: "leaf", Hash: leaf, Label: "this event"}
	if len(path) == 0 {
		known.Kind, known.Label = "root", "root"
	}
	for i, step := range path {
		given := drawnNode{Y: y, Kind: "given", Hash: step.Sibling, Label: "given"}
		if step.Left {
			given.X, known.X = 1, pictureWidth-nodeWidth-1
		} else {
			given.X, known.X = pictureWidth-nodeWidth-1, 1
		}
		d.Nodes = append(d.Nodes, known, given)
		above := drawnNode{X: (pictureWidth - nodeWidth) / 2, Y: y - levelHeight, Kind: "computed", Hash: step.Hash, Label: "computed"}
		if i == len(path)-1 {
			above.Kind, above.Label = "root", "root"
		} else if path[i+1].Left {
			above.X = pictureWidth - nodeWidth - 1
		} else {
			above.X = 1
		}
		for _, below := range []drawnNode{known, given} {
			d.Lines = append(d.Lines, drawnLine{below.X + nodeWidth/2, below.Y, above.X + nodeWidth/2, above.Y + nodeHeight})
		}
		known, y = above, above.Y
	}
	d.Nodes = append(d.Nodes, known)
	return d
}
