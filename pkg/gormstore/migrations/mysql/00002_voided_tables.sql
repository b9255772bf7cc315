-- +goose NO TRANSACTION
-- +goose Up
-- Tables whose round ended without a last hand.
CREATE TABLE IF NOT EXISTS voided_tables (
    cluster  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    table_id BIGINT      NOT NULL,
    PRIMARY KEY (cluster, table_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE voided_tables;
