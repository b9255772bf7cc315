-- +goose Up
-- Ids and table ids are unsigned in the program and stored as the same 64 bits.
CREATE TABLE settlements (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster     TEXT    NOT NULL,
    table_id    INTEGER NOT NULL,
    hand        INTEGER NOT NULL,
    hash        BLOB    NOT NULL,
    game        TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    stake       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    finished_ms INTEGER NOT NULL,
    UNIQUE (cluster, table_id, hand)
);

CREATE TABLE scores (
    settlement_id INTEGER NOT NULL REFERENCES settlements (id),
    seat          INTEGER NOT NULL,
    player        INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    score         INTEGER NOT NULL,
    PRIMARY KEY (settlement_id, seat)
) WITHOUT ROWID;
CREATE INDEX scores_by_player ON scores (player, settlement_id);

CREATE TABLE players (
    player INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    rating INTEGER NOT NULL,
    score  INTEGER NOT NULL,
    hands  INTEGER NOT NULL
);

CREATE TABLE archives (
    settlement_id INTEGER PRIMARY KEY REFERENCES settlements (id),
    data          BLOB NOT NULL
);

CREATE TABLE births (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    cluster    TEXT    NOT NULL,
    voters     TEXT    NOT NULL,
    created_ms INTEGER NOT NULL
);

-- +goose Down
DROP TABLE births;
DROP TABLE archives;
DROP TABLE players;
DROP TABLE scores;
DROP TABLE settlements;
