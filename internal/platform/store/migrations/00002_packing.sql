-- +goose Up

-- How the bytes of a bundle are stored: 0 as they are, 1 as an S2 block with its
-- CRC-32C behind it. Bundles that are there stay as they are.
ALTER TABLE ledger_bundle ADD COLUMN packing INTEGER NOT NULL DEFAULT 0;

-- +goose Down
