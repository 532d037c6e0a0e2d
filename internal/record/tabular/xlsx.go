package tabular

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/xuri/nfp"

	"scaf.dev/scaf/internal/record"
)

// Limits of an XLSX file, so that a small one cannot unfold into what fills
// the machine. Excel's own limits of a sheet (1,048,576 rows, 16,384 columns,
// 32,767 characters in a cell) hold, too.
const (
	maxSheetBytes  = 512 << 20 // a sheet, unzipped
	maxSharedBytes = 128 << 20 // the texts that its cells share, unzipped
	maxPartBytes   = 16 << 20  // any other part, unzipped
	maxTokenBytes  = 1 << 20   // one text or tag within a part

	maxSheetRows    = 1 << 20
	maxSheetColumns = 1 << 14
	maxCellUnits    = 32_767
)

// OpenXLSX reads a sheet of an XLSX file (ECMA-376, transitional or strict) to
// its end without taking anything; without a name it is the file's only sheet, or
// of several the one that is named after the register, as templates and exports are.
// What is wrong with the file is one error; what is wrong with the sheet's
// columns or form is a *LineError, whose file is "file:sheet".
//
// A formula is refused with its row: the value beside it was computed by
// whoever saved the file, and is no evidence. So are error values, and dates in
// fields that hold none. Merged cells, encrypted files and files beyond the
// limits are refused whole. Sheets and rows that are hidden are read like
// others.
func OpenXLSX(name string, file io.ReaderAt, size int64, sheet string, kind *record.Kind, o Options) (*Table, error) {
	b, err := openBook(file, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	part, sheet, err := b.choose(sheet, sheetName(kind.Register))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Table{place: name + ":" + sheet, kind: kind, options: o, Sheet: sheet}
	t.start = func() (source, error) {
		rows, err := b.rows(t.place, part)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return rows, nil
	}
	return open(t)
}

// book is an XLSX file: a zip archive of XML parts (ECMA-376 part 2).
type book struct {
	file   io.ReaderAt
	size   int64
	parts  map[string]*zip.File // by path in lower case: names of parts ignore case
	sheets []sheetEntry
	links  []relationship // of the workbook
	base   string         // the workbook's folder
	epoch  bool           // dates count from 1904
	dates  []bool         // whether a style shows a number as a date
	shared sharedTexts
}

type sheetEntry struct {
	Name string `xml:"name,attr"`
	Link string `xml:"id,attr"`
}

// relationship says where a part is that another one uses.
type relationship struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

// Files that are not what they seem begin like this.
var (
	zipMagic = []byte("PK")
	oleMagic = []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") // [MS-CFB]: what encryption wraps a workbook in, and .xls is
)

func openBook(file io.ReaderAt, size int64) (*book, error) {
	b := &book{file: file, size: size, parts: map[string]*zip.File{}}
	magic := make([]byte, len(oleMagic))
	if _, err := file.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case size == 0:
		return nil, ErrEmpty
	case bytes.Equal(magic, oleMagic):
		return nil, errors.New("the workbook is encrypted, or of the old format .xls: save it as .xlsx without a password")
	case !bytes.HasPrefix(magic, zipMagic):
		return nil, errors.New("this is no XLSX file: save the workbook as .xlsx, or as CSV")
	}
	archive, err := zip.NewReader(file, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is written to where a name leads
		return nil, fmt.Errorf("the XLSX file is cut off or damaged: %w", err)
	}
	for _, part := range archive.File {
		name := strings.ToLower(part.Name)
		if _, twice := b.parts[name]; twice {
			return nil, fmt.Errorf("the XLSX file holds the part %q twice", part.Name)
		}
		b.parts[name] = part
	}
	if err := b.workbook(); err != nil {
		return nil, err
	}
	return b, b.readStyles()
}

// workbook reads which sheets there are, and where.
func (b *book) workbook() error {
	links, err := b.relationships("")
	if err != nil {
		return err
	}
	at := slices.IndexFunc(links, func(r relationship) bool { return strings.HasSuffix(r.Type, "/officeDocument") })
	if at < 0 {
		return errors.New("the XLSX file names no workbook")
	}
	name := resolve("", links[at].Target)
	var content struct {
		XMLName    xml.Name
		Properties struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []sheetEntry `xml:"sheets>sheet"`
	}
	if err := b.decode(name, &content); err != nil {
		return err
	}
	if content.XMLName.Local != "workbook" || len(content.Sheets) == 0 {
		return errors.New("the file is no workbook with sheets")
	}
	b.epoch = content.Properties.Date1904 == "1" || content.Properties.Date1904 == "true"
	b.sheets, b.base = content.Sheets, path.Dir(name)
	b.links, err = b.relationships(name)
	return err
}

// relationships are those of a part, or of the whole file.
func (b *book) relationships(name string) ([]relationship, error) {
	var content struct {
		List []relationship `xml:"Relationship"`
	}
	folder, base := path.Split(name)
	err := b.decode(path.Join(folder, "_rels", base+".rels"), &content)
	return content.List, err
}

// linked is the part that the workbook uses as this, empty when there is none.
func (b *book) linked(use string) string {
	for _, link := range b.links {
		if strings.HasSuffix(link.Type, "/"+use) {
			return resolve(b.base, link.Target)
		}
	}
	return ""
}

// resolve is the path of a part that a relationship of a folder leads to.
func resolve(folder, target string) string {
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", folder, target)
	}
	return strings.TrimPrefix(path.Clean(target), "/")
}

// choose finds a sheet by its name; without one, the only sheet there is, or the
// usual one.
func (b *book) choose(name, usual string) (part, sheet string, err error) {
	var names []string
	for _, one := range b.sheets {
		names = append(names, fmt.Sprintf("%q", one.Name))
	}
	list := strings.Join(names, ", ")
	if name == "" && len(b.sheets) > 1 {
		at := slices.IndexFunc(b.sheets, func(one sheetEntry) bool { return strings.EqualFold(one.Name, usual) })
		if at < 0 {
			return "", "", fmt.Errorf("%w: the file has %s, and none of them is called %s", ErrSheet, list, usual)
		}
		name = b.sheets[at].Name
	}
	for _, one := range b.sheets {
		if name != "" && one.Name != name {
			continue
		}
		at := slices.IndexFunc(b.links, func(r relationship) bool { return r.ID == one.Link })
		if at < 0 {
			return "", "", fmt.Errorf("the XLSX file is damaged: the sheet %q leads nowhere", one.Name)
		}
		if !strings.HasSuffix(b.links[at].Type, "/worksheet") {
			return "", "", fmt.Errorf("the sheet %q is no table", one.Name)
		}
		return resolve(b.base, b.links[at].Target), one.Name, nil
	}
	return "", "", fmt.Errorf("there is no sheet %q: the sheets are %s", name, list)
}

// readStyles finds out which styles show a number as a date.
func (b *book) readStyles() error {
	name := b.linked("styles")
	if name == "" {
		return nil
	}
	var content struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Styles []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.decode(name, &content); err != nil {
		return err
	}
	dates := map[int]bool{}
	for _, format := range content.Formats {
		dates[format.ID] = showsDate(format.Code)
	}
	for _, style := range content.Styles {
		date, own := dates[style.Format]
		b.dates = append(b.dates, own && date || !own && builtinDate(style.Format))
	}
	return nil
}

// builtinDate reports whether a number format that every workbook has shows a
// date (ECMA-376 part 1, 18.8.30), those of East Asian languages included.
func builtinDate(id int) bool {
	return id >= 14 && id <= 22 || id >= 27 && id <= 36 || id >= 45 && id <= 47 || id >= 50 && id <= 58
}

// showsDate reports whether a number format shows a date or a time.
func showsDate(code string) bool {
	parser := nfp.NumberFormatParser()
	for _, section := range parser.Parse(code) {
		for _, item := range section.Items {
			if item.TType == nfp.TokenTypeDateTimes || item.TType == nfp.TokenTypeElapsedDateTimes {
				return true
			}
		}
	}
	return false
}

// open opens a part that may have this many bytes.
func (b *book) open(name string, limit int64) (io.ReadCloser, error) {
	part, ok := b.parts[strings.ToLower(name)]
	if !ok {
		return nil, fmt.Errorf("the XLSX file is damaged: it has no part %q", name)
	}
	content, err := part.Open()
	if err != nil {
		return nil, fmt.Errorf("the XLSX file is damaged: %s: %w", name, err)
	}
	return &bounded{content, name, limit, limit, 0}, nil
}

// decode reads a small part.
func (b *book) decode(name string, into any) error {
	content, err := b.open(name, maxPartBytes)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // it was only read
	if err := xml.NewDecoder(content).Decode(into); err != nil {
		return damagedPart(name, err)
	}
	return nil
}

// damagedPart says which part cannot be read.
func damagedPart(name string, err error) error {
	var large *tooLargeError
	if errors.As(err, &large) {
		return err
	}
	return fmt.Errorf("the XLSX file is damaged: %s: %w", name, err)
}

// bounded reads a part up to its limits.
type bounded struct {
	io.ReadCloser
	name        string
	limit, left int64
	token       int // bytes since the last tag began
}

// tooLargeError says that a part unfolds beyond a limit.
type tooLargeError struct{ what string }

func (e *tooLargeError) Error() string { return e.what }

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, &tooLargeError{fmt.Sprintf("%s has more than %d MiB when it is unzipped: split the table", b.name, b.limit>>20)}
	}
	if at := bytes.LastIndexByte(p[:n], '<'); at >= 0 {
		b.token = n - at
	} else if b.token += n; b.token > maxTokenBytes {
		return 0, &tooLargeError{fmt.Sprintf("%s holds a text of more than %d MiB", b.name, maxTokenBytes>>20)}
	}
	return n, err
}
