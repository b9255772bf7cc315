-- +goose Up
-- Tables whose round ended without a last hand.
CREATE TABLE voided_tables (
    cluster  TEXT    NOT NULL,
    table_id INTEGER NOT NULL,
    PRIMARY KEY (cluster, table_id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE voided_tables;
