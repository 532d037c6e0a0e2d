package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
	"scaf.dev/scaf/internal/surface"
)

// openPath is where a round of a register is opened.
func openPath(kind *record.Kind) string { return "/open/" + kind.Register }

// partOf is what people call a round.
func partOf(every rounds.Every) string {
	if every == rounds.Year {
		return "year"
	}
	return "quarter"
}

// roundChip is the link from a register to where a round of it is opened.
func roundChip(kind *record.Kind) chip {
	return chip{"Open a " + partOf(kind.Opening.Every), openPath(kind)}
}

type openedPage struct {
	*surface.OpenedRound

	Kind        *record.Kind
	Part        string
	Controls    bool // it is about them
	List, Again string
}

// toRound leads on who comes to where the self-assessments were opened first.
func (p *Portal) toRound(*request) (*shown, error) {
	return &shown{to: openPath(assessments.Register)}, nil
}

func (p *Portal) askRound(r *request) (*shown, error) { return p.askRoundWith(r, nil) }

func (p *Portal) askRoundAgain(r *request) (*shown, error) { return p.askRoundWith(r, r.held) }

// askedOfRound are the fields of the form, as its page calls them.
func askedOfRound(kind *record.Kind) (all []record.Field) {
	o := kind.Opening
	about := strings.ToLower(kind.Field(o.About).Label)
	for _, name := range slices.Concat([]string{o.Round}, o.Same, []string{o.Owner}) {
		f := kind.Field(name)
		switch {
		case name == o.Owner:
			f.Label, f.Required = f.Label+" of the others", false
			f.Help = "Who has those to do whose " + about + " belongs to nobody, to several people, or to somebody who has left or cannot do it. Empty: they are left, and listed."
		case slices.Contains(o.Kept, name):
			f.Required = false
			f.Help += " For each " + about + " without a round before; the others keep what their last one says."
		}
		all = append(all, f)
	}
	return all
}

// askRoundWith is the form, with what is wrong with what was sent.
func (p *Portal) askRoundWith(r *request, failed error) (*shown, error) {
	kind := r.kind
	o := kind.Opening
	if o == nil {
		return nil, errNotFound
	}
	part, about := partOf(o.Every), strings.ToLower(kind.Field(o.About).Label)
	there := "in force"
	if o.In != "" {
		there = strings.ToLower(record.Words(o.In))
	}
	page := &askPage{
		Lead: "Each " + about + " that is " + there + " gets a " + strings.ToLower(kind.Singular) + " of the " + part + ", unless it has one. Its owner has it to do where that is one person. " +
			"Nothing that is there is changed: what is missing is opened when the form is sent again.",
		Action: openPath(kind), Button: "Open the " + part, Back: at(kind), BackTo: kind.Title,
	}
	answer := &shown{page: "ask", title: "Open a " + part + ": " + strings.ToLower(kind.Title), data: page}
	wrong := map[string]string{}
	if failed != nil {
		var taken bool
		if page.Wrong, wrong, taken = p.mistakes(r, kind, failed); !taken {
			return nil, failed
		}
		answer.status = http.StatusUnprocessableEntity
	}
	first := map[string]string{o.Round: o.Every.At(p.System.Clock.Now().In(p.zone)).Name}
	for _, name := range o.Same {
		if kind.Field(name).Refers == people.Register.Name {
			first[name] = r.person()
		}
	}
	for _, f := range askedOfRound(kind) {
		of := described(kind, f)
		typed := posted(of, r.URL.Query())
		if r.typed(f.Name) {
			typed = posted(of, r.PostForm)
		} else if typed.empty() && first[f.Name] != "" {
			typed = typing{texts: []string{first[f.Name]}}
		}
		in := p.input(of, typed, filling{wrong: wrong})
		if err := p.suggest(r, &in); err != nil {
			return nil, err
		}
		locate(page.Wrong, &in)
		page.Inputs = append(page.Inputs, in)
	}
	return answer, nil
}

// openRound opens it, and says of what it did not.
func (p *Portal) openRound(r *request) (*shown, error) {
	kind := r.kind
	o := kind.Opening
	if o == nil {
		return nil, errNotFound
	}
	given, err := p.changes(r, askedOfRound(kind)[1:], nil)
	if err != nil {
		return p.askRoundWith(r, err)
	}
	round := r.text(o.Round)
	// It is several acts where there is much, each of which is done once: what is there
	// is passed over.
	opened, err := p.System.OpenRound(r.Context(), r.caller, kind, round, given)
	var partly *surface.PartlyOpenedError
	if errors.As(err, &partly) {
		p.Log.Error("a round was opened in part", "register", kind.Register, "round", round, "error", err)
		err = &held{http.StatusInternalServerError, partly.Says() + "."}
	}
	if err != nil {
		return p.askRoundWith(r, err)
	}
	list := at(kind) + "?" + url.Values{prefix + o.Round: {round}}.Encode()
	if len(opened.Left) == 0 {
		return &shown{to: list}, nil
	}
	again := openPath(kind) + "?" + url.Values{prefix + o.Round: {round}}.Encode()
	return &shown{page: "opened", title: kind.Title + " of " + round, data: &openedPage{opened, kind, partOf(o.Every), o.In == "", list, again}}, nil
}
