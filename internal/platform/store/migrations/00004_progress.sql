-- +goose Up

-- What it takes to go on from the latest result of a test when further items have
-- come: derived from the events, beside the result of that population, and lost
-- without harm. begins is the beginning of the part of the period.
CREATE TABLE result_progress (
    period     @text NOT NULL,
    control    @text NOT NULL,
    test       @text NOT NULL,
    begins     BIGINT NOT NULL,
    population @text NOT NULL,
    progress   @text NOT NULL,
    PRIMARY KEY (period, control, test, begins)
);

-- +goose Down
