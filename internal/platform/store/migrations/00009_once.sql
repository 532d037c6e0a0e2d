-- +goose Up

-- What was done with a key that is good once: subject and index are those of the
-- first event that came of it. It is kept for a day.
CREATE TABLE act_once (
    actor   @text NOT NULL,
    key     @text NOT NULL,
    subject @text NOT NULL,
    idx     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX act_once_at ON act_once (at);

-- +goose Down
