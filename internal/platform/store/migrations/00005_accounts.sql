-- +goose Up

-- What shows that somebody is who their account says: apart from the account's
-- record, so that no list, history, event or bundle holds it. hash is argon2id in
-- the form of its reference implementation; failures counts wrong passwords since
-- the last right one, and until locked_until (microseconds since 1970) none is
-- taken.
CREATE TABLE account_credential (
    account      @text NOT NULL PRIMARY KEY,
    hash         @text NOT NULL,
    changed_at   BIGINT NOT NULL,
    failures     INTEGER NOT NULL,
    locked_until BIGINT NOT NULL
);

-- Who is signed in. secret is the SHA-256 of what the browser holds.
CREATE TABLE account_session (
    secret   @text NOT NULL PRIMARY KEY,
    id       @text NOT NULL,
    account  @text NOT NULL,
    began_at BIGINT NOT NULL,
    ends_at  BIGINT NOT NULL
);
CREATE INDEX account_session_account ON account_session (account);

-- +goose Down
