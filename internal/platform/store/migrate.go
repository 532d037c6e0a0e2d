package store

import (
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// words are the few names that the databases spell differently. The
// migrations write the one on the left.
var words = map[Dialect]*strings.Replacer{
	SQLite: strings.NewReplacer(
		"@text", "TEXT", // binary collation is SQLite's default
		"@bytes", "BLOB",
		"@json", "TEXT",
		"@index", "INTEGER PRIMARY KEY", // the row's own number
		"@clustered", "WITHOUT ROWID",
		"@postgres", "-- ",
	),
	Postgres: strings.NewReplacer(
		"@text", `TEXT COLLATE "C"`,
		"@bytes", "BYTEA",
		"@json", "JSONB",
		"@index", "BIGINT PRIMARY KEY",
		"@clustered", "",
		"@postgres ", "",
	),
}

// Migrate brings the schema to this binary's version. It is refused when the
// schema is newer than the binary.
func (db *DB) Migrate(ctx context.Context) error {
	if db.refusal != nil {
		return db.refusal
	}
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.writers, spelled{files, words[db.dialect]}, goose.WithVerbose(false))
	if err != nil {
		return explain(err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", explain(err))
	}
	if current > target {
		return fmt.Errorf("%w: its schema is of version %d, this program knows versions up to %d: use a newer scaf", ErrUnavailable, current, target)
	}
	if current == target {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema: %w", explain(err))
	}
	return nil
}

// spelled is the migrations in a dialect's words.
type spelled struct {
	fs.FS
	words *strings.Replacer
}

// Open implements fs.FS.
func (s spelled) Open(name string) (fs.File, error) {
	file, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return respelled{file, strings.NewReader(s.words.Replace(string(text)))}, nil
}

// respelled is a file with another text.
type respelled struct {
	fs.File
	text *strings.Reader
}

// Read implements fs.File.
func (f respelled) Read(p []byte) (int, error) { return f.text.Read(p) }
