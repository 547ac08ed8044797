-- The catalogue, version 1. Moments are milliseconds since 1970 in UTC; ids of jobs and assets are the 16 bytes of their
-- UUID (version 7, so that they sort by time); what is JSON is read by the host only.
--
-- Rows do not refer to each other by foreign keys: each kind has a retention of its own.

CREATE TABLE users (
    user        TEXT NOT NULL PRIMARY KEY,
    state       TEXT NOT NULL DEFAULT 'active',
    quota_bytes INTEGER,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a job; the same table is the queue when several hosts share it. A claim sets epoch + 1, and every later write
-- names the epoch it was claimed under.
CREATE TABLE jobs (
    job         BLOB NOT NULL PRIMARY KEY CHECK (length(job) = 16),
    user        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'lost')),
    layout      TEXT,
    plugin      TEXT,
    refs        TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    ended_at    INTEGER,
    code        TEXT,
    message     TEXT,
    usage       TEXT,
    tenant      TEXT,
    priority    INTEGER NOT NULL DEFAULT 0,
    run_at      INTEGER,
    epoch       INTEGER NOT NULL DEFAULT 0,
    claims      INTEGER NOT NULL DEFAULT 0,
    max_claims  INTEGER NOT NULL DEFAULT 1,
    host        TEXT,
    lease_until INTEGER,
    cancel      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_user ON jobs (user, job);
CREATE INDEX jobs_by_state ON jobs (state, job);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE sessions (
    user       TEXT NOT NULL,
    session    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    PRIMARY KEY (user, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE scenes (
    user       TEXT NOT NULL,
    session    TEXT NOT NULL,
    scene      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user, session, scene)
) STRICT, WITHOUT ROWID;

CREATE TABLE assets (
    asset       BLOB NOT NULL PRIMARY KEY CHECK (length(asset) = 16),
    job         BLOB NOT NULL CHECK (length(job) = 16),
    slot        TEXT NOT NULL,
    sequence    INTEGER,
    user        TEXT NOT NULL,
    session     TEXT,
    scene       TEXT,
    version     INTEGER NOT NULL CHECK (version > 0),
    layout      TEXT,
    plugin      TEXT,
    refs        TEXT NOT NULL,
    key         TEXT NOT NULL,
    place       TEXT NOT NULL,
    durability  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    size        INTEGER NOT NULL CHECK (size >= 0),
    crc64nvme   TEXT NOT NULL,
    integrity   TEXT NOT NULL,
    version_id  TEXT,
    encryption  TEXT,
    class       TEXT NOT NULL,
    facts       TEXT,
    metadata    TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('stored', 'deleting', 'gone')),
    deleted_at  INTEGER,
    deleted_by  TEXT,
    reason      TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_try    INTEGER,
    last_error  TEXT,
    gone_at     INTEGER
) STRICT;
-- A publish is (job, slot, sequence): there is one asset of it.
CREATE UNIQUE INDEX assets_identity ON assets (job, slot, ifnull(sequence, -1));
CREATE INDEX assets_by_user ON assets (user, asset);
CREATE INDEX assets_by_slot ON assets (slot, asset);
CREATE INDEX assets_by_key ON assets (key);
-- With state and size, so that sums of a session are read from the index alone.
CREATE INDEX assets_by_session ON assets (session, user, scene, slot, sequence, version, state, size)
    WHERE session IS NOT NULL;
CREATE INDEX assets_not_stored ON assets (state, asset) WHERE state <> 'stored';
CREATE INDEX assets_by_age ON assets (layout, slot, stored_at) WHERE state = 'stored' AND layout IS NOT NULL;

-- What happened, in the order in which it became known. Numbers are never used again.
CREATE TABLE events (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    at    INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    user  TEXT,
    job   BLOB,
    asset BLOB,
    data  TEXT
) STRICT;
CREATE INDEX events_by_job ON events (job, seq) WHERE job IS NOT NULL;

-- The number of the last event that retention took away; a cursor before it has missed something.
CREATE TABLE events_cut (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL
) STRICT;
INSERT INTO events_cut (only, seq) VALUES (1, 0);

-- Who asked for what, and whether it was granted.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    granted INTEGER NOT NULL,
    detail  TEXT
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject, seq);
