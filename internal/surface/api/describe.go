package api

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"scaf.dev/scaf/internal/act"
)

// operation describes a route of the table to huma.
func operation(line route) huma.Operation {
	o := huma.Operation{
		OperationID: line.id, Method: line.method, Path: line.path, Summary: line.title, Tags: []string{line.tag}, DefaultStatus: line.status,
		Errors: []int{http.StatusBadRequest, http.StatusServiceUnavailable},
	}
	if line.action != open {
		o.Security = []map[string][]string{{"token": {}}}
		o.Description = "Needs the permission `" + line.action + "`."
		if line.signed {
			o.Security = []map[string][]string{{"signature": {}}}
			o.Description = "Needs a signature with the secret that both sides know."
		}
		o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	if line.body != nil {
		o.Errors = append(o.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if line.method != http.MethodGet {
		o.Errors = append(o.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	if strings.Contains(line.path, "{") || line.action == "report.read" || line.tag == "Judgments" { // of a period
		o.Errors = append(o.Errors, http.StatusNotFound)
	}
	return o
}

// describeAnswers says what the routes answer with that give bytes as they
// are, of which huma sees no type, and describes those that are not huma's.
func (s *Server) describeAnswers() {
	api := s.api.OpenAPI()
	receipt := api.Components.Schemas.Schema(reflect.TypeFor[act.Receipt](), true, "Receipt")
	object := func(what string) *huma.Schema { return &huma.Schema{Type: huma.TypeObject, Description: what} }
	text := &huma.Schema{Type: huma.TypeString}
	event := object("")
	event.Properties = map[string]*huma.Schema{
		"index": {Type: huma.TypeInteger}, "leaf_hash": text, "event": object("The CloudEvent as it is stored"),
	}
	controls := object("")
	controls.Properties = map[string]*huma.Schema{"controls": {Type: huma.TypeArray, Items: object("A control and its tests")}}
	gaps := object("")
	gaps.Properties = map[string]*huma.Schema{"period": text, "missing": {Type: huma.TypeArray, Items: object("What a test lacks, and what to do about it")}}
	for id, content := range map[string]map[string]*huma.Schema{
		"append-events":  {jsonType: {OneOf: []*huma.Schema{receipt, {Type: huma.TypeArray, Items: receipt}}, Description: "A receipt, or of a batch one for each event in their order"}},
		"get-event":      {jsonType: event, eventType: object("Exactly the stored bytes")},
		"get-checkpoint": {"text/plain": text},
		"get-key":        {"text/plain": text},
		"list-controls":  {jsonType: controls},
		"get-control":    {jsonType: object("A control and its tests")},
		"get-readiness":  {jsonType: object("The report, as scaf report readiness --format json prints it")},
		"show-readiness": {"text/html": text},
		"list-gaps":      {jsonType: gaps},

		"record-observations": {jsonType: {Type: huma.TypeArray, Items: receipt, Description: "A receipt for each observation, in their order"}},
		"get-evidence-file":   {binaryType: {Type: huma.TypeString, Format: "binary", Description: "The file as it was kept"}},
		"get-attachment":      {"application/octet-stream": {Type: huma.TypeString, Format: "binary", Description: "The file as it was attached"}},

		"get-openapi": {"application/openapi+json": object("An OpenAPI 3.1 document")},
		"get-health":  {"text/plain": text},
		"get-ready":   {"text/plain": text},
		"get-metrics": {"text/plain": text, "application/openmetrics-text": text},
	} {
		line := find(id)
		item := api.Paths[line.path]
		described := (*huma.Operation)(nil)
		if item != nil {
			described = map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post}[line.method]
		}
		if described == nil {
			described = s.describeService(line)
		}
		status := strconv.Itoa(max(line.status, http.StatusOK))
		answer := &huma.Response{Description: http.StatusText(max(line.status, http.StatusOK)), Content: map[string]*huma.MediaType{}}
		for mediaType, schema := range content {
			answer.Content[mediaType] = &huma.MediaType{Schema: schema}
		}
		described.Responses[status] = answer
	}
}

// describeService describes a route that is served without huma.
func (s *Server) describeService(line route) *huma.Operation {
	o := operation(line)
	o.Responses = map[string]*huma.Response{}
	refusals := []int{}
	if line.action != open {
		refusals = []int{http.StatusUnauthorized, http.StatusForbidden}
	}
	api := s.api.OpenAPI()
	refused := api.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, status := range refusals {
		o.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{problemType: {Schema: refused}}}
	}
	if line.id == "get-ready" {
		o.Responses[strconv.Itoa(http.StatusServiceUnavailable)] = &huma.Response{
			Description: "Events cannot be taken at the moment", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}
	}
	api.AddOperation(&o)
	return &o
}
