-- +goose Up

-- The values by which lists are filtered and sorted lie in a table for each
-- register now (record_current_<kind>): each index of a table, also one that
-- concerns a few of its rows only, costs something on every write to it. The
-- registers' definitions make these tables at the next start.
CREATE TABLE record_version_now (
    kind     @text NOT NULL,
    id       @text NOT NULL,
    version  INTEGER NOT NULL,
    from_idx BIGINT NOT NULL,
    to_idx   BIGINT,
    at       BIGINT,
    doc      @text NOT NULL,
    PRIMARY KEY (kind, id, version)
);
INSERT INTO record_version_now (kind, id, version, from_idx, to_idx, at, doc)
    SELECT kind, id, version, from_idx, to_idx, at, doc FROM record_version;
DROP TABLE record_version;
ALTER TABLE record_version_now RENAME TO record_version;
CREATE UNIQUE INDEX record_version_event ON record_version (from_idx);
CREATE INDEX record_version_at ON record_version (kind, at, id);

-- +goose Down
