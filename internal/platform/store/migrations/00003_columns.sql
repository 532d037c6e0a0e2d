-- +goose Up

-- The values of a register's columns, by which its lists are filtered and
-- sorted: on the current version of a record only, derived from its document.
ALTER TABLE record_version ADD COLUMN cols @json;

-- What a register's definition was when its records were last held against it.
CREATE TABLE record_definition (
    kind        @text NOT NULL PRIMARY KEY,
    version     INTEGER NOT NULL,
    fingerprint @text NOT NULL
);

-- +goose Down
