package markdown

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Plain is a text as its page shows it, for what shows plain text only: paragraphs with an
// empty line between them, "- " before what is listed, and the address of a link behind
// its words.
func Plain(source string) (string, error) {
	page, err := HTML(source)
	if err != nil {
		return "", err
	}
	var p plain
	in := html.NewTokenizer(strings.NewReader(string(page)))
	for {
		switch kind := in.Next(); kind {
		case html.ErrorToken: // the end: what is read is in memory
			return p.out.String(), nil
		case html.TextToken:
			p.text(in.Token().Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			p.begin(in.Token())
		case html.EndTagToken:
			p.end(in.Token().Data)
		}
	}
}

// plain writes what stands in HTML.
type plain struct {
	out    strings.Builder
	gap    int  // lines that end before the next word
	space  bool // a space comes before it
	marked bool // the line has its mark of a list, and no word yet
	kept   bool // lines and spaces are those of the text
	indent []string
	number []int // of what is listed next, in each list; 0: it has none
	cells  int   // of this line of a table
	href   string
	linked int // where the words of the link begin
}

// text writes words.
func (p *plain) text(text string) {
	if p.kept {
		p.word(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+strings.Join(p.indent, "")))
		return
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	p.space = p.space || unicode.IsSpace(first)
	for i, word := range strings.Fields(text) {
		p.space = p.space || i > 0
		p.word(word)
	}
	p.space = p.space || unicode.IsSpace(last)
}

// word writes what stays together, after the lines or the space that come before it.
func (p *plain) word(word string) {
	switch {
	case p.gap > 0 && p.out.Len() > 0:
		p.out.WriteString(strings.Repeat("\n", p.gap) + strings.Join(p.indent, ""))
	case p.out.Len() == 0:
		p.out.WriteString(strings.Join(p.indent, ""))
	case p.space && !p.marked:
		p.out.WriteByte(' ')
	}
	p.gap, p.space, p.marked = 0, false, false
	p.out.WriteString(word)
}

// lines ends a line; of two the second is empty. What follows the mark of a list stands
// on its line.
func (p *plain) lines(n int) {
	if p.space = false; !p.marked {
		p.gap = max(p.gap, n)
	}
}

func (p *plain) begin(tag html.Token) {
	switch tag.Data {
	case "a":
		p.href, p.linked = "", p.out.Len()
		for _, one := range tag.Attr {
			if one.Key == "href" {
				p.href = one.Val
			}
		}
	case "br":
		p.lines(1)
	case "hr":
		p.lines(2)
		p.word("---")
		p.lines(2)
	case "ul", "ol":
		first := 0
		if tag.Data == "ol" {
			first = 1
			for _, one := range tag.Attr {
				if n, err := strconv.Atoi(one.Val); one.Key == "start" && err == nil {
					first = n
				}
			}
		}
		p.around()
		p.number = append(p.number, first)
	case "li":
		p.lines(1)
		mark := "- "
		if last := len(p.number) - 1; last >= 0 && p.number[last] > 0 {
			mark = fmt.Sprintf("%d. ", p.number[last])
			p.number[last]++
		}
		p.word(mark)
		p.marked, p.indent = true, append(p.indent, strings.Repeat(" ", len(mark)))
	case "blockquote":
		p.lines(2)
		p.indent = append(p.indent, "> ")
	case "tr":
		p.lines(1)
		p.cells = 0
	case "th", "td":
		if p.cells++; p.cells > 1 {
			p.space = true
			p.word("|")
			p.space = true
		}
	case "pre":
		p.lines(2)
		p.kept = true
	default:
		p.block(tag.Data)
	}
}

func (p *plain) end(tag string) {
	switch tag {
	case "a":
		if words := strings.TrimSpace(p.out.String()[p.linked:]); p.href != "" && p.href != words && p.href != "mailto:"+words {
			p.space = true
			p.word("(" + p.href + ")")
		}
	case "ul", "ol":
		p.number = p.number[:max(0, len(p.number)-1)]
		p.around()
	case "li", "blockquote":
		p.marked = false
		p.lines(1)
		if p.indent = p.indent[:max(0, len(p.indent)-1)]; tag == "blockquote" {
			p.lines(2)
		}
	case "pre":
		p.kept = false
		p.lines(2)
	default:
		p.block(tag)
	}
}

// around is what comes before and after a list: an empty line, but within another one.
func (p *plain) around() {
	if len(p.number) == 0 {
		p.lines(2)
	} else {
		p.lines(1)
	}
}

// block is what comes before and after what stands by itself.
func (p *plain) block(tag string) {
	switch tag {
	case "p", "table", "h1", "h2", "h3", "h4", "h5", "h6":
		p.lines(2)
	}
}
