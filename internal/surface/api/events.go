package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (s *Server) registerEvents() {
	register(s, "append-events", s.appendEvents)
	register(s, "list-events", s.listEvents)
	register(s, "get-event", s.getEvent)
	register(s, "prove-event", s.proveEvent)
}

type none struct{}

// appendEvents takes one event, or a batch: all of it or nothing. The bytes of
// each event are kept as they came.
func (s *Server) appendEvents(ctx context.Context, _ *none) (*rawBody, error) {
	r := requestOf(ctx)
	mediaType, body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	parser, now := s.System.Parser(), s.System.Clock.Now()
	if mediaType == eventType {
		entry, err := parser.Parse(body, now)
		if err != nil {
			return nil, err
		}
		receipts, err := s.System.Door.Append(ctx, r.caller, []act.Entry{entry})
		if err != nil {
			return nil, err
		}
		return jsonBody(receipts[0])
	}
	elements, err := split(body)
	if err != nil {
		return nil, err
	}
	entries := make([]act.Entry, len(elements))
	for i, element := range elements {
		if entries[i], err = parser.Parse(element, now); err != nil {
			return nil, problem(http.StatusBadRequest, "invalid_event", "element %d: %v", i, err).at(i)
		}
	}
	receipts, err := s.System.Door.Append(ctx, r.caller, entries)
	if err != nil {
		var conflict *act.ConflictError
		if errors.As(err, &conflict) {
			return nil, problem(http.StatusConflict, "conflict", "element %d: %v", conflict.Position, conflict).at(conflict.Position)
		}
		return nil, err
	}
	if receipts == nil {
		receipts = []act.Receipt{}
	}
	return jsonBody(receipts)
}

// split takes a JSON array apart without touching the bytes of its elements.
func split(body []byte) ([][]byte, error) {
	malformed := func(position int, err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		p := problem(http.StatusBadRequest, "invalid_event", "element %d: malformed JSON: %s", position, strings.TrimPrefix(err.Error(), "jsontext: "))
		return p.at(position)
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(body))
	if token, err := decoder.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, problem(http.StatusBadRequest, "invalid_event", "a batch is a JSON array of events")
	}
	var elements [][]byte
	for decoder.PeekKind() != ']' {
		if len(elements) == act.MaxBatch {
			return nil, act.ErrTooMany
		}
		element, err := decoder.ReadValue()
		if err != nil {
			return nil, malformed(len(elements), err)
		}
		elements = append(elements, bytes.Clone(element))
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, malformed(len(elements), err)
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, problem(http.StatusBadRequest, "invalid_event", "there is more after the array")
	}
	return elements, nil
}

type listEventsInput struct {
	Type    string `query:"type" doc:"Exactly, or a prefix when it ends with *"`
	Subject string `query:"subject"`
	Actor   string `query:"actor"`
	Since   string `query:"since" doc:"Inclusive: an RFC 3339 time, or a date, which is midnight in the organisation's time zone"`
	Until   string `query:"until" doc:"Exclusive"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before"`
}

type eventPage struct {
	Body struct {
		Events []*ledger.Event `json:"events"`
		// Next is missing on the last page; events that are appended later are
		// found after the last index.
		Next string `json:"next_cursor,omitempty"`
	}
}

func (s *Server) listEvents(ctx context.Context, in *listEventsInput) (*eventPage, error) {
	query := ledger.Query{Type: in.Type, Subject: in.Subject, Actor: in.Actor}
	zone, err := s.System.Config.Location()
	if err != nil {
		return nil, err
	}
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"since", in.Since, &query.Since}, {"until", in.Until, &query.Until}} {
		if bound.text != "" {
			if *bound.into, err = config.Instant(bound.text, zone); err != nil {
				return nil, problem(http.StatusBadRequest, "invalid_request", "%s: %v", bound.name, err)
			}
		}
	}
	if in.Since != "" && in.Until != "" && !query.Since.Before(query.Until) {
		return nil, problem(http.StatusBadRequest, "invalid_request", "until (%s) must lie after since (%s)", in.Until, in.Since)
	}
	if in.Cursor != "" {
		if query.From, err = index(in.Cursor); err != nil {
			return nil, problem(http.StatusBadRequest, "invalid_request", "the cursor %q is not one of ours", in.Cursor)
		}
	}
	page := &eventPage{}
	page.Body.Events = []*ledger.Event{}
	err = ledger.Find(ctx, s.System.DB, query, func(e *ledger.Event) error {
		if len(page.Body.Events) == in.Limit {
			page.Body.Next = strconv.FormatInt(page.Body.Events[in.Limit-1].Index+1, 10)
			return ledger.Stop
		}
		page.Body.Events = append(page.Body.Events, e)
		return nil
	})
	return page, err
}

type indexInput struct {
	Index  string `path:"index" doc:"0, 1, 2 ..."`
	Accept string `header:"Accept" hidden:"true"`
}

func index(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 || strings.HasPrefix(text, "+") {
		return 0, problem(http.StatusBadRequest, "invalid_request", "%q is no index: events are numbered 0, 1, 2 ...", text)
	}
	return number, nil
}

// eventBody is an event in full.
type eventBody struct {
	Index    int64           `json:"index"`
	LeafHash string          `json:"leaf_hash"`
	Event    json.RawMessage `json:"event"`
}

func (s *Server) getEvent(ctx context.Context, in *indexInput) (*rawBody, error) {
	number, err := index(in.Index)
	if err != nil {
		return nil, err
	}
	var event *ledger.Event
	if err := s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		event, err = ledger.Get(r, number)
		return err
	}); err != nil {
		return nil, err
	}
	if strings.HasPrefix(in.Accept, eventType) {
		return &rawBody{eventType, event.Body}, nil
	}
	return jsonBody(eventBody{event.Index, event.LeafHash, event.Body})
}

type proofOutput struct{ Body *ledger.Proof }

func (s *Server) proveEvent(ctx context.Context, in *indexInput) (*proofOutput, error) {
	number, err := index(in.Index)
	if err != nil {
		return nil, err
	}
	out := &proofOutput{}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		out.Body, err = ledger.Prove(r, number)
		return err
	})
}
