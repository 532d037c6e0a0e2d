-- +goose Up

-- The ledger's events, in bundles: the events of one commit, at most 256 and
-- about 1 MiB a row, in the form of tlog-tiles entry bundles (each event with its
-- length before it, big-endian, 16 bits). The events' bytes are the leaves; leaves
-- holds their hashes, so that verification can say which event was changed even
-- where no full tile covers it yet.
CREATE TABLE ledger_bundle (
    first  @index,
    events INTEGER NOT NULL,
    leaves @bytes NOT NULL,
    bodies @bytes NOT NULL
);
@postgres ALTER TABLE ledger_bundle ALTER COLUMN bodies SET STORAGE EXTERNAL;

-- What makes an event the same event, and where it is.
CREATE TABLE ledger_key (
    id     @text NOT NULL,
    source @text NOT NULL,
    idx    BIGINT NOT NULL,
    PRIMARY KEY (id, source)
) @clustered;

-- The one head row: size, the RFC 6962 frontier (the hashes of the perfect
-- subtrees, largest first, 32 bytes each), the root, and the signed checkpoint.
CREATE TABLE ledger_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    origin   @text NOT NULL,
    size     BIGINT NOT NULL,
    frontier @bytes NOT NULL,
    root     @bytes NOT NULL,
    note     @text NOT NULL
);

-- Full hash tiles (tlog-tiles): 256 hashes of 32 bytes.
CREATE TABLE ledger_tile (
    level  INTEGER NOT NULL,
    n      BIGINT NOT NULL,
    hashes @bytes NOT NULL,
    PRIMARY KEY (level, n)
);

-- The search index: a row for every full block of 4,096 events, fixed-width
-- columns, rebuildable from the events; note is the ledger's signature of the row.
CREATE TABLE ledger_search (
    block    @index,
    types    @bytes NOT NULL,
    subjects @bytes NOT NULL,
    actors   @bytes NOT NULL,
    times    @bytes NOT NULL,
    note     @text NOT NULL
);

-- Every version of every record. to_idx is null on the current version.
CREATE TABLE record_version (
    kind     @text NOT NULL,
    id       @text NOT NULL,
    version  INTEGER NOT NULL,
    from_idx BIGINT NOT NULL,
    to_idx   BIGINT,
    at       BIGINT,
    doc      @text NOT NULL,
    PRIMARY KEY (kind, id, version)
);
CREATE UNIQUE INDEX record_version_event ON record_version (from_idx);
CREATE INDEX record_version_at ON record_version (kind, at, id);

-- Work to do later, enqueued in the transaction that caused it. state is
-- waiting, done or failed; lease is the instant until which somebody does it.
CREATE TABLE job (
    kind     @text NOT NULL,
    key      @text NOT NULL,
    payload  @text NOT NULL,
    state    @text NOT NULL,
    run_at   BIGINT NOT NULL,
    attempt  INTEGER NOT NULL,
    lease    BIGINT,
    failure  @text NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX job_open ON job (state, run_at, kind, key) WHERE state <> 'done';

-- +goose Down
