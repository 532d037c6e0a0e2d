-- +goose Up

-- How far a job is that is being done: done of total, of what reached says.
ALTER TABLE job ADD COLUMN reached @text NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN done BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN total BIGINT NOT NULL DEFAULT 0;

-- +goose Down
