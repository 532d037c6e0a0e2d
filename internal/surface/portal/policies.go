package portal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/markdown"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// policyLine is a policy in force, with what the reader was asked about it.
type policyLine struct {
	*policies.Version
	Href  string
	Asked *policies.Acknowledgment // nil: the reader was not asked about this version
	// Campaign is how those answered who were asked; nil: it is not for the reader.
	Campaign *campaign
}

// campaign is how people answered who were asked about a version.
type campaign struct {
	Asked, Acknowledged, Refused, Open, Over answered
}

// answered is how many they are, and where they are listed.
type answered struct {
	Number int64
	Href   string
}

// Due are those of whom an answer is, or was, wanted until they gave it.
func (c *campaign) Due() int64 { return c.Asked.Number - c.Over.Number }

// Percent is the part of those that has acknowledged.
func (c *campaign) Percent() int64 {
	if c.Due() == 0 {
		return 0
	}
	return c.Acknowledged.Number * 100 / c.Due()
}

// campaigns are those of the versions that somebody was asked about, by reference.
func (p *Portal) campaigns(reader *store.Reader) (map[string]*campaign, error) {
	counts, err := record.TallyTexts(reader, policies.Acknowledgments, "", "version", "state")
	if err != nil {
		return nil, err
	}
	all := map[string]*campaign{}
	for key, n := range counts {
		version, state := key[0], key[1]
		c := all[version]
		if c == nil {
			list := func(name, value string) answered {
				return answered{Href: at(policies.Acknowledgments) + "?" + url.Values{prefix + "version": {version}, name: {value}}.Encode()}
			}
			c = &campaign{
				Asked: list(prefix+"state", ""), Acknowledged: list(prefix+"state", policies.Acknowledged), Refused: list(prefix+"state", policies.Refused), Open: list(prefix+"state", policies.Asked),
				Over: list("filter", fmt.Sprintf("!(item.state in [%q, %q, %q])", policies.Acknowledged, policies.Refused, policies.Asked)),
			}
			all[version] = c
		}
		c.Asked.Number += n
		switch state {
		case policies.Acknowledged:
			c.Acknowledged.Number += n
		case policies.Refused:
			c.Refused.Number += n
		case policies.Asked:
			c.Open.Number += n
		default:
			c.Over.Number += n
		}
	}
	return all, nil
}

// Open reports whether the reader has not answered yet.
func (l policyLine) Open() bool { return l.Asked != nil && l.Asked.State == policies.Asked }

type policyList struct {
	Person string // the reader's record; empty: the account belongs to nobody
	Open   []policyLine
	All    []policyLine
	// Coming are those that are not in force yet, for whoever keeps or approves policies.
	Coming []comingLine
	// Answers: the reader may see how others answered.
	Answers bool
	// Install: the reader may offer the catalog's texts as drafts; None: there was
	// nothing to offer.
	Install, None bool
}

// person is the record of whoever is signed in, in the register of people.
func (r *request) person() string {
	if r.session == nil {
		return ""
	}
	return r.session.Account.Person
}

// policies lists the policies in force, those first that the reader has not
// answered yet.
func (p *Portal) policies(r *request) (*shown, error) {
	page := &policyList{Person: r.person(), Install: r.may("policy_version.add"), None: r.URL.Query().Get("installed") == "none"}
	return &shown{page: "policies", title: "Policies", data: page}, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		all, err := policies.Current(reader)
		if err != nil {
			return err
		}
		var answers map[string]*campaign
		if page.Answers = r.may(readAction(policies.Acknowledgments)); page.Answers {
			if answers, err = p.campaigns(reader); err != nil {
				return err
			}
		}
		for _, v := range all {
			line := policyLine{Version: v, Href: "/policies/" + v.ID, Campaign: answers[v.Ref()]}
			if line.Asked, err = p.asked(reader, v, page.Person); err != nil {
				return err
			}
			if line.Open() {
				page.Open = append(page.Open, line)
			}
			page.All = append(page.All, line)
		}
		if r.may(policies.Versions.Name+".set") || r.may(policies.Versions.Name+".approve") {
			page.Coming, err = coming(reader)
		}
		return err
	})
}

// readings are where a version is read as people read it, and where what changed in it.
func readings(v *policies.Version) []chip {
	path := "/policies/" + v.ID
	all := []chip{{"Read the text", path}}
	if v.Round > 0 {
		all = append(all, chip{"What changed in this round", path + "/changes"})
	}
	return append(all, chip{"All changes", path + "/changes?all=1"})
}

// comingLine is a version that is not in force yet.
type comingLine struct {
	*policies.Version
	Record string
	Reads  []chip
}

// coming are the versions that are written, reviewed or approved, and not in force yet:
// those first that have got furthest.
func coming(reader *store.Reader) (all []comingLine, err error) {
	order := []string{policies.Approved, policies.InReview, policies.Draft}
	_, err = record.List(reader, policies.Versions, record.Query{Filter: fmt.Sprintf("item.state in [%q, %q, %q]", order[0], order[1], order[2])}, func(v *record.Version) error {
		one, err := decoded[policies.Version](v)
		all = append(all, comingLine{one, at(policies.Versions, v.ID), readings(one)})
		return err
	})
	slices.SortStableFunc(all, func(a, b comingLine) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), strings.Compare(a.Title, b.Title))
	})
	return all, err
}

// Drafts counts those that nobody has put to review.
func (l *policyList) Drafts() (n int) {
	for _, one := range l.Coming {
		if one.State == policies.Draft {
			n++
		}
	}
	return n
}

// policyDocument is the policies in force as one document.
func (p *Portal) policyDocument(r *request) (*shown, error) {
	var text bytes.Buffer
	if _, err := p.System.PolicyDocument(r.Context(), r.caller, &text); err != nil {
		return nil, err
	}
	return &shown{file: io.NopCloser(&text), name: "security-policies.md"}, nil
}

// asked is what somebody was asked about a version, nil when they were not.
func (p *Portal) asked(reader *store.Reader, v *policies.Version, person string) (*policies.Acknowledgment, error) {
	if person == "" {
		return nil, nil
	}
	return policies.AskedOf(reader, v, person)
}

// policyOf is the page on which an acknowledgment is given; empty for other
// references.
func policyOf(ref string) string {
	id, ok := strings.CutPrefix(ref, policies.Acknowledgments.Name+"/")
	if !ok {
		return ""
	}
	version, _, _ := strings.Cut(id, ".")
	return "/policies/" + version
}

type policyPage struct {
	policyLine
	Text    template.HTML
	Present bool // it is in force
	Record  string
	Changes string
	Wrong   string
	Reason  string // that was typed
}

// policy is the text of a version, and the question to whoever was asked.
func (p *Portal) policy(r *request) (*shown, error) { return p.policyWith(r, "") }

func (p *Portal) policyWith(r *request, wrong string) (*shown, error) {
	page := &policyPage{Wrong: wrong, Reason: r.PostFormValue("reason")}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if page.Version, _, err = policies.Get(reader, r.PathValue("version")); err != nil {
			return err
		}
		if r.may(readAction(policies.Acknowledgments)) {
			answers, err := p.campaigns(reader)
			if err != nil {
				return err
			}
			page.Campaign = answers[page.Ref()]
		}
		page.Asked, err = p.asked(reader, page.Version, r.person())
		return err
	}); err != nil {
		return nil, err
	}
	page.Present, r.told = page.State == policies.InForce, page.ApprovedBy
	if !page.Present && page.Asked == nil && !r.may("record.read") {
		return nil, fmt.Errorf("%w: what is not in force is for those who keep the policies", act.ErrDenied)
	}
	text, err := catalog.ParsePolicy(page.ID, []byte(page.Version.Text))
	if err != nil {
		return nil, err
	}
	if page.Text, err = markdown.HTML(text.Text); err != nil {
		return nil, err
	}
	page.Href = "/policies/" + page.ID
	if r.may("record.read") {
		page.Record, page.Changes = at(policies.Versions, page.ID), page.Href+"/changes"
	}
	answer := &shown{page: "policy", title: page.Title, data: page}
	if wrong != "" {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, nil
}

// answer takes what somebody says to a policy that they were asked about: to the
// text that they saw, and to no other.
func (p *Portal) answerPolicy(r *request) (*shown, error) {
	id, person := r.PathValue("version"), r.person()
	var asked *policies.Acknowledgment
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, _, err := policies.Get(reader, id)
		if err != nil {
			return err
		}
		asked, err = p.asked(reader, v, person)
		return err
	}); err != nil {
		return nil, err
	}
	if asked == nil {
		return p.policyWith(r, "You were not asked about this text.")
	}
	if r.PostForm.Get("sha256") != asked.SHA256 {
		return p.policyWith(r, "The text has changed since you opened it: read it again.")
	}
	fields := map[string]json.RawMessage{}
	state := r.PostForm.Get("answer")
	switch {
	case state != policies.Acknowledged && state != policies.Refused:
		return p.policyWith(r, "The answer does not say whether you acknowledge the text or refuse it.")
	case state == policies.Refused:
		reason, err := json.Marshal(strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("reason"), "\r\n", "\n")))
		if err != nil {
			return nil, err
		}
		fields["reason"] = reason
	}
	_, err := p.System.MoveRecord(r.once, r.caller, policies.Acknowledgments, asked.ID, record.AnyVersion, state, fields)
	if wrong, _, taken := p.mistakes(r, policies.Acknowledgments, err); taken {
		text := wrong[0].Problem
		switch {
		case asked.AcknowledgedAt != nil:
			return p.policyWith(r, "You acknowledged this text on "+p.moment(*asked.AcknowledgedAt, false).Text+" already: that answer stands.")
		case state == policies.Refused && asked.RefusedAt != nil:
			return p.policyWith(r, "You refused on "+p.moment(*asked.RefusedAt, false).Text+" already: that answer stands, until you acknowledge the text.")
		}
		if wrong[0].Label != "" {
			text = wrong[0].Label + " " + text
		}
		return p.policyWith(r, text)
	}
	if err != nil {
		return nil, err
	}
	return &shown{to: "/policies"}, nil
}

type changesPage struct {
	*policies.Version
	Href  string
	From  string
	Lines []policies.Line
	Round int
	All   bool
	// Rounds are the views that there are, the newest first.
	Rounds []chip
	None   bool
}

// policyChanges shows what changed in a text: in a review round, or in all.
func (p *Portal) policyChanges(r *request) (*shown, error) {
	id, query := r.PathValue("version"), r.URL.Query()
	page := &changesPage{All: query.Get("all") != "", Href: "/policies/" + id}
	page.Round, _ = strconv.Atoi(query.Get("round")) // anything else is the latest
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		page.Version, _, err = policies.Get(reader, id)
		return err
	}); err != nil {
		return nil, err
	}
	if page.Round == 0 {
		page.Round = max(1, page.Version.Round)
	}
	var err error
	if page.From, page.Lines, err = p.System.PolicyChanges(r.Context(), r.caller, id, page.Round, page.All); err != nil {
		return nil, err
	}
	page.None = !slices.ContainsFunc(page.Lines, func(l policies.Line) bool { return l.Mark == "+" || l.Mark == "-" })
	for round := page.Version.Round; round > 0; round-- {
		page.Rounds = append(page.Rounds, chip{fmt.Sprintf("Round %d", round), fmt.Sprintf("%s/changes?round=%d", page.Href, round)})
	}
	return &shown{page: "changes", title: "Changes in " + page.Title, data: page}, nil
}
