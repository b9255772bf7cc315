-- +goose NO TRANSACTION
-- MySQL commits each of these statements by itself, so each one can be repeated
-- after a failure half-way.
-- +goose Up
-- Ids and table ids are unsigned in the program and stored as the same 64 bits.
CREATE TABLE IF NOT EXISTS settlements (
    id          BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    cluster     VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    table_id    BIGINT       NOT NULL,
    hand        INT UNSIGNED NOT NULL,
    hash        BINARY(32)   NOT NULL,
    game        VARCHAR(64)  NOT NULL,
    queue       VARCHAR(64)  NOT NULL,
    stake       INT UNSIGNED NOT NULL,
    last        BOOLEAN      NOT NULL,
    finished_ms BIGINT       NOT NULL,
    UNIQUE KEY settlements_by_key (cluster, table_id, hand)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS scores (
    settlement_id BIGINT       NOT NULL,
    seat          INT UNSIGNED NOT NULL,
    player        BIGINT       NOT NULL,
    name          VARCHAR(255) NOT NULL,
    score         BIGINT       NOT NULL,
    PRIMARY KEY (settlement_id, seat),
    KEY scores_by_player (player, settlement_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS players (
    player BIGINT          NOT NULL PRIMARY KEY,
    name   VARCHAR(255)    NOT NULL,
    rating BIGINT          NOT NULL,
    score  BIGINT          NOT NULL,
    hands  BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS archives (
    settlement_id BIGINT     NOT NULL PRIMARY KEY,
    data          MEDIUMBLOB NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS births (
    one        TINYINT     NOT NULL PRIMARY KEY CHECK (one = 1),
    cluster    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    voters     TEXT        NOT NULL,
    created_ms BIGINT      NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

-- +goose Down
DROP TABLE births;
DROP TABLE archives;
DROP TABLE players;
DROP TABLE scores;
DROP TABLE settlements;
