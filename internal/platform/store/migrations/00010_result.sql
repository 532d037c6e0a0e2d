-- +goose Up

-- What came of a job, for whoever asked for it.
ALTER TABLE job ADD COLUMN result @text NOT NULL DEFAULT '';

-- +goose Down
