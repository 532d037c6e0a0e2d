package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"

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
		"@index", "INTEGER PRIMARY KEY", // the row's own number
	),
	Postgres: strings.NewReplacer(
		"@text", `TEXT COLLATE "C"`,
		"@bytes", "BYTEA",
		"@index", "BIGINT PRIMARY KEY",
	),
}

// Migrate brings the schema to this binary's version. It is refused when the
// schema is newer than the binary.
func (db *DB) Migrate(ctx context.Context) error {
	dialect := goose.DialectSQLite3
	if db.dialect == Postgres {
		dialect = goose.DialectPostgres
	}
	files, err := spelled(db.dialect)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db.writers, files, goose.WithVerbose(false))
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

// spelled is the migrations in the dialect's words.
func spelled(dialect Dialect) (fs.FS, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(name, "migrations/")] = &fstest.MapFile{Data: []byte(words[dialect].Replace(string(text)))}
	}
	return files, nil
}
