package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

func (s *Server) registerRecords() {
	register(s, "list-registers", s.listRegisters)
	register(s, "list-records", s.listRecords)
	register(s, "add-record", s.addRecord)
	register(s, "get-record", s.getRecord)
	register(s, "set-record", s.setRecord)
	register(s, "get-history", s.getHistory)
	register(s, "move-record", s.moveRecord)
}

// registerBody describes a register.
type registerBody struct {
	Name     string   `json:"name" example:"changes"`
	Kind     string   `json:"kind" example:"change" doc:"The first part of references"`
	Schema   string   `json:"schema" example:"#/components/schemas/Change" doc:"Of its documents, in /openapi.json"`
	Title    string   `json:"title"`
	Purpose  string   `json:"purpose" doc:"What it is for"`
	Comes    string   `json:"comes,omitempty" doc:"How its records come, where people do not add them one by one"`
	Fields   []string `json:"fields"`
	States   []string `json:"states,omitempty" doc:"Of the lifecycle, the first one that of a new record"`
	Personal bool     `json:"personal" doc:"Every reading is recorded"`
	Internal bool     `json:"internal" doc:"Written by SCAF's own commands only"`
}

type registersOutput struct {
	Body struct {
		Registers []registerBody `json:"registers"`
	}
}

func (s *Server) listRegisters(context.Context, *none) (*registersOutput, error) {
	out := &registersOutput{}
	for _, kind := range s.System.Kinds {
		one := registerBody{Name: kind.Register, Kind: kind.Name, Schema: componentPrefix + schemaName(kind), Title: kind.Title, Purpose: kind.Purpose, Comes: kind.Comes, Fields: kind.Fields(), Personal: kind.Personal, Internal: kind.Internal}
		for _, state := range kind.States {
			one.States = append(one.States, state.Name)
		}
		out.Body.Registers = append(out.Body.Registers, one)
	}
	return out, nil
}

type listRecordsInput struct {
	Register string   `path:"register" example:"changes"`
	Filter   string   `query:"filter" maxLength:"4000" doc:"A CEL expression over item and the register's filterable columns, like item.state == \"active\""`
	Tag      []string `query:"tag,explode" maxItems:"50" doc:"Only records that have this tag; of several, all of them"`
	Sort     string   `query:"sort" maxLength:"100" doc:"A sortable column, with - before it the last one first" example:"-merged_at"`
	Limit    int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor   string   `query:"cursor" doc:"next_cursor of the page before"`
}

type recordPage struct {
	Body struct {
		Records []record.Version `json:"records"`
		Next    string           `json:"next_cursor,omitempty"`
	}
}

// listRecords gives a page of the current records, by their instant unless the
// request says otherwise. Each page is of one moment, different pages need not
// be.
func (s *Server) listRecords(ctx context.Context, in *listRecordsInput) (*recordPage, error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	page := &recordPage{}
	page.Body.Records = []record.Version{}
	query := record.Query{Filter: in.Filter, Sort: in.Sort, Limit: in.Limit, After: in.Cursor}
	page.Body.Next, err = s.System.ListRecords(ctx, callerOf(ctx), kind, query, in.Tag, func(v *record.Version) error {
		one := *v
		one.Doc = append(json.RawMessage(nil), v.Doc...)
		page.Body.Records = append(page.Body.Records, one)
		return nil
	})
	return page, err
}

type recordInput struct {
	Register    string `path:"register"`
	ID          string `path:"id"`
	IfMatch     string `header:"If-Match" doc:"The ETag of the version that the change was made from"`
	IfNoneMatch string `header:"If-None-Match"`
}

type recordOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *record.Version
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

func shown(v *record.Version, status int) *recordOutput {
	return &recordOutput{Status: status, ETag: etag(v.Version), Body: v}
}

func (s *Server) getRecord(ctx context.Context, in *recordInput) (*recordOutput, error) {
	kind, v, err := s.current(ctx, in)
	if err != nil {
		return nil, err
	}
	// The reading of a personal record is an event also when there is no such
	// record: that somebody looked is what counts.
	if in.IfNoneMatch != "" && in.IfNoneMatch == etag(v.Version) && !kind.Personal {
		return &recordOutput{Status: http.StatusNotModified, ETag: in.IfNoneMatch}, nil
	}
	return shown(v, http.StatusOK), nil
}

// current reads a record's current version for the caller.
func (s *Server) current(ctx context.Context, in *recordInput) (*record.Kind, *record.Version, error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, nil, err
	}
	if err := s.System.ViewRecords(ctx, callerOf(ctx), kind, in.ID, nil); err != nil {
		return nil, nil, err
	}
	v, err := s.get(ctx, kind, in.ID)
	return kind, v, err
}

func (s *Server) get(ctx context.Context, kind *record.Kind, id string) (v *record.Version, err error) {
	err = s.System.DB.Read(ctx, func(r *store.Reader) error {
		v, err = record.Get(r, kind.Name, id)
		return err
	})
	return v, err
}

// version reads one version of a record, the current one where there is none
// of this number.
func (s *Server) version(ctx context.Context, kind *record.Kind, id string, version int) (v *record.Version, err error) {
	err = s.System.DB.Read(ctx, func(r *store.Reader) error {
		all, err := record.History(r, kind.Name, id)
		for _, v = range all {
			if v.Version == version {
				break
			}
		}
		return err
	})
	return v, err
}

type historyOutput struct {
	Body struct {
		History []surface.Step `json:"history"`
	}
}

type historyInput struct {
	RecordPath
	Proof bool `query:"proof" doc:"Give the inclusion proof of every event"`
}

func (s *Server) getHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	if err := s.System.ViewRecords(ctx, callerOf(ctx), kind, in.ID, nil); err != nil {
		return nil, err
	}
	out := &historyOutput{}
	out.Body.History, err = s.System.History(ctx, kind, in.ID, in.Proof)
	return out, err
}

// writable finds a register that may be written from outside.
func (s *Server) writable(name string) (*record.Kind, error) {
	kind, err := s.System.Kinds.Find(name)
	if err == nil && kind.Internal {
		return nil, problem(http.StatusForbidden, "internal_register", "%s are written by SCAF's own commands only", kind.Register)
	}
	return kind, err
}

// fields reads a JSON object from the request's body.
func fields(r *request, into any) error {
	_, body, err := readBody(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return problem(http.StatusBadRequest, "invalid_request", "the body must be a JSON object: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return single(body)
}

// single refuses JSON that has a key twice in one object: it does not say which is meant.
func single(body []byte) error {
	if _, err := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowInvalidUTF8(true)).ReadValue(); err != nil {
		return problem(http.StatusBadRequest, "invalid_request", "the body cannot be read: %s", strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	return nil
}

type addInput struct {
	Register string `path:"register"`
}

func (s *Server) addRecord(ctx context.Context, in *addInput) (*recordOutput, error) {
	kind, err := s.writable(in.Register)
	if err != nil {
		return nil, err
	}
	given := map[string]json.RawMessage{}
	if err := fields(requestOf(ctx), &given); err != nil {
		return nil, err
	}
	v, err := s.System.AddRecord(ctx, callerOf(ctx), kind, given)
	if err != nil {
		return nil, err
	}
	out := shown(v, http.StatusCreated)
	out.Location = location(kind, v.ID)
	return out, nil
}

// expected reads If-Match: one version, or any.
func expected(text string) (int, error) {
	if text == "*" {
		return record.AnyVersion, nil
	}
	version, err := strconv.Atoi(strings.Trim(text, `"`))
	if err != nil || version < 1 || text != etag(version) {
		return 0, problem(http.StatusPreconditionFailed, "stale", `If-Match: %s names no version: it is the record's ETag, like "3"`, text)
	}
	return version, nil
}

// setRecord applies a merge patch to the version that If-Match names.
func (s *Server) setRecord(ctx context.Context, in *recordInput) (*recordOutput, error) {
	kind, err := s.writable(in.Register)
	if err != nil {
		return nil, err
	}
	if in.IfMatch == "" {
		return nil, problem(http.StatusPreconditionRequired, "precondition_required", "say in If-Match which version the change was made from: the record's ETag")
	}
	version, err := expected(in.IfMatch)
	if err != nil {
		return nil, err
	}
	_, patch, err := readBody(requestOf(ctx))
	if err == nil {
		err = single(patch)
	}
	if err != nil {
		return nil, err
	}
	current, err := s.get(ctx, kind, in.ID)
	if err != nil {
		return nil, err
	}
	base := current
	switch version {
	case record.AnyVersion:
		version = current.Version
	case current.Version:
	default: // it is stale: what the caller made of their version is what they are shown
		if base, err = s.version(ctx, kind, in.ID, version); err != nil {
			return nil, err
		}
	}
	changed, err := merged(base.Doc, patch)
	if err != nil {
		return nil, err
	}
	v, err := s.System.SetRecord(ctx, callerOf(ctx), kind, in.ID, version, changed)
	if errors.Is(err, record.ErrSame) { // a patch may be applied twice
		return shown(current, http.StatusOK), nil
	}
	if err != nil {
		return nil, err
	}
	return shown(v, http.StatusOK), nil
}

// merged gives the top-level fields that the merge patch (RFC 7396) names, as
// they are after it; null where a field is gone.
func merged(doc, patch []byte) (map[string]json.RawMessage, error) {
	named, after := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(patch, &named); err != nil || named == nil {
		return nil, problem(http.StatusBadRequest, "invalid_request", "the body must be a JSON object with the fields to change")
	}
	whole, err := jsonpatch.MergePatch(doc, patch)
	if err == nil {
		err = json.Unmarshal(whole, &after)
	}
	if err != nil {
		return nil, fmt.Errorf("merge the patch: %w", err)
	}
	for field := range named {
		if value, ok := after[field]; ok {
			named[field] = value
		} else {
			named[field] = json.RawMessage("null")
		}
	}
	return named, nil
}

type movement struct {
	State  string                     `json:"state" doc:"Where to"`
	Fields map[string]json.RawMessage `json:"fields,omitempty" doc:"Fields of the document that change on the way"`
}

// moveRecord moves a record to another state. If-Match is taken, not required:
// the lifecycle itself refuses what the state does not allow.
func (s *Server) moveRecord(ctx context.Context, in *recordInput) (*recordOutput, error) {
	kind, err := s.writable(in.Register)
	if err != nil {
		return nil, err
	}
	version := record.AnyVersion
	if in.IfMatch != "" {
		if version, err = expected(in.IfMatch); err != nil {
			return nil, err
		}
	}
	var to movement
	if err := fields(requestOf(ctx), &to); err != nil {
		return nil, err
	}
	if to.State == "" {
		return nil, problem(http.StatusBadRequest, "invalid_request", `the body must say where to: {"state": "...", "fields": {...}}`)
	}
	v, err := s.System.MoveRecord(ctx, callerOf(ctx), kind, in.ID, version, to.State, to.Fields)
	if err != nil {
		return nil, err
	}
	return shown(v, http.StatusOK), nil
}
