-- +goose Up

-- What somebody was told, once for each cause and recipient: "person/E1001",
-- "account/ann", or "organization", which is told on channels of its own. These are
-- the lines of the portal's inboxes.
CREATE TABLE notification (
    id        @text NOT NULL PRIMARY KEY,
    cause     @text NOT NULL,
    recipient @text NOT NULL,
    kind      @text NOT NULL,
    about     @text NOT NULL,
    title     @text NOT NULL,
    body      @text NOT NULL,
    path      @text NOT NULL,
    told_at   BIGINT NOT NULL,
    read_at   BIGINT
);
CREATE UNIQUE INDEX notification_cause ON notification (cause, recipient);
CREATE INDEX notification_recipient ON notification (recipient, id);

-- How it goes out on a channel beside the inbox. state is waiting, held (for the
-- digest of due_at), delivered or failed; the job is the one that does it next.
CREATE TABLE delivery (
    notification @text NOT NULL,
    channel      @text NOT NULL,
    recipient    @text NOT NULL,
    state        @text NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     INTEGER NOT NULL,
    settled_at   BIGINT,
    answer       @text NOT NULL,
    job_kind     @text NOT NULL,
    job          @text NOT NULL,
    PRIMARY KEY (notification, channel)
);
CREATE INDEX delivery_open ON delivery (state, channel) WHERE state <> 'delivered';
CREATE INDEX delivery_held ON delivery (recipient, channel, due_at) WHERE state = 'held';

-- +goose Down
