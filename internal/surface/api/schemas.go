package api

import (
	"maps"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"scaf.dev/scaf/internal/record"
)

// componentPrefix is where schemas stand in the OpenAPI document.
const componentPrefix = "#/components/schemas/"

// Registers appear in the OpenAPI document by the names of their kinds: a
// control_version is a ControlVersion, as it is read; what is sent to add one
// is a NewControlVersion.
func schemaName(kind *record.Kind) string {
	var name strings.Builder
	for _, word := range strings.Split(kind.Name, "_") {
		name.WriteString(title(word))
	}
	return name.String()
}

// title begins a word with a capital letter.
func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// newRegistry names the schemas of registers' documents after their kinds, and
// every other one after its Go type: with its package where another one has that
// name.
func newRegistry(kinds record.Kinds) huma.Registry {
	names, taken := map[reflect.Type]string{}, map[string]bool{}
	for _, kind := range kinds {
		name := schemaName(kind)
		names[reflect.TypeOf(kind.New()).Elem()], taken[name] = name, true
	}
	return huma.NewMapRegistry(componentPrefix, func(t reflect.Type, hint string) string {
		of := t
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if name, ok := names[of]; ok {
			return name
		}
		name := huma.DefaultSchemaNamer(t, hint)
		if of.Name() == "" || of.Kind() != reflect.Struct {
			return name
		}
		if taken[name] {
			name = title(path.Base(of.PkgPath())) + name
		}
		names[of], taken[name] = name, true
		return name
	})
}

// describeRegisters adds the schemas of every register: of its documents, from
// the struct, and of what is sent to add one.
func describeRegisters(schemas huma.Registry, kinds record.Kinds) {
	for _, kind := range kinds {
		name := schemaName(kind)
		schemas.Schema(reflect.TypeOf(kind.New()).Elem(), true, name)
		whole := schemas.Map()[name]
		whole.Title = kind.Title
		whole.Description = "A record of the register " + kind.Register
		if state := whole.Properties["state"]; state != nil && len(kind.States) > 0 {
			state.Enum = nil
			for _, one := range kind.States {
				state.Enum = append(state.Enum, one.Name)
			}
		}
		if !kind.Internal {
			schemas.Map()["New"+name] = added(kind, whole)
		}
	}
}

// added is what is sent to add a record: the engine fills in what is left out,
// and nobody says who the author is.
func added(kind *record.Kind, whole *huma.Schema) *huma.Schema {
	properties := maps.Clone(whole.Properties)
	delete(properties, kind.Author)
	n := &huma.Schema{
		Type: huma.TypeObject, Title: kind.Title, Description: "What is sent to add a record to the register " + kind.Register,
		Properties: properties, AdditionalProperties: false,
	}
	if kind.Prefix == "" && !kind.Composes() {
		n.Required = []string{kind.IDField}
	}
	return n
}

// anyRecord is a reference to one of the schemas of those registers that are
// chosen.
func anyRecord(kinds record.Kinds, prefix string, chosen func(*record.Kind) bool) *huma.Schema {
	s := &huma.Schema{}
	for _, kind := range kinds {
		if chosen(kind) {
			s.AnyOf = append(s.AnyOf, &huma.Schema{Ref: componentPrefix + prefix + schemaName(kind)})
		}
	}
	return s
}

// bodies are the types of what routes take as JSON.
var bodies = map[string]reflect.Type{
	"add-link":           reflect.TypeFor[newLink](),
	"add-comment":        reflect.TypeFor[newComment](),
	"change-tags":        reflect.TypeFor[tagChange](),
	"move-record":        reflect.TypeFor[movement](),
	"review-evidence":    reflect.TypeFor[review](),
	"propose-version":    reflect.TypeFor[proposal](),
	"adopt-versions":     reflect.TypeFor[adoption](),
	"add-assessment":     reflect.TypeFor[designAssessment](),
	"state-deviation":    reflect.TypeFor[statement](),
	"conclude":           reflect.TypeFor[concluded](),
	"audit":              reflect.TypeFor[concluded](),
	"propose-resolution": reflect.TypeFor[proposedResolution](),
	"open-period":        reflect.TypeFor[opening](),
}

// describeBodies says what every route takes. Huma learns it only after the
// routes are registered, for it would read the body itself: into memory whole,
// before it is known whether the type is taken, and not byte by byte as it came.
func (s *Server) describeBodies() {
	api := s.api.OpenAPI()
	for _, line := range routes {
		if line.body == nil {
			continue
		}
		item := api.Paths[line.path]
		described := map[string]*huma.Operation{http.MethodPost: item.Post, http.MethodPatch: item.Patch}[line.method]
		described.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, mediaType := range slices.Sorted(maps.Keys(line.body)) {
			described.RequestBody.Content[mediaType] = &huma.MediaType{Schema: s.bodySchema(line, mediaType)}
		}
	}
}

func (s *Server) bodySchema(line route, mediaType string) *huma.Schema {
	object := &huma.Schema{Type: huma.TypeObject}
	writable := func(kind *record.Kind) bool { return !kind.Internal }
	switch {
	case mediaType == binaryType:
		return &huma.Schema{Type: huma.TypeString, Format: "binary"}
	case mediaType == batchType, line.id == "record-observations":
		return &huma.Schema{Type: huma.TypeArray, Items: object}
	case line.id == "add-record":
		return anyRecord(s.System.Kinds, "New", writable)
	case line.id == "set-record":
		object.Description = "The fields to change, as the register's document has them; null takes one away"
		return object
	case bodies[line.id] != nil:
		return s.api.OpenAPI().Components.Schemas.Schema(bodies[line.id], true, "")
	}
	return object
}
