package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// CheckSchema is Migrate for those who only read: it fails with ErrUnavailable
// when the schema is not of this binary's version, and says what to do.
func (db *DB) CheckSchema(ctx context.Context) error {
	target, err := latest()
	if err != nil {
		return err
	}
	var current int64
	err = db.Read(ctx, func(r *Reader) error {
		return r.One(`SELECT max(version_id) FROM goose_db_version WHERE is_applied`, nil, []any{&current})
	})
	switch {
	case err != nil && (db.dialect == Postgres && classify(err) == nil || errors.Is(err, ErrCorrupt)):
		return fmt.Errorf("it has no schema of SCAF's that can be read (%w)", err)
	case err != nil:
		return fmt.Errorf("read the schema's version: %w", err)
	case current > target:
		return fmt.Errorf("%w: its schema is of version %d, this program knows versions up to %d: use a newer scaf", ErrUnavailable, current, target)
	case current < target:
		return fmt.Errorf("%w: its schema is of version %d, this program needs %d: any command that writes brings it there", ErrUnavailable, current, target)
	}
	return nil
}

// latest is the version that the embedded migrations lead to.
func latest() (target int64, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, err
		}
		target = max(target, version)
	}
	return target, nil
}

// Define runs a statement that changes the schema and is spelled as those of the
// migrations are.
func (tx *Tx) Define(statement string) error {
	_, err := tx.Exec(words[tx.dialect].Replace(statement))
	return err
}
