-- The catalogue, version 2: what the plugins of jobs logged.

-- A job that failed may be run again under its caller's key: `run` is the moment its run began. `source` is the stream of the
-- plugin's that a line came from, or the host, which says what is missing.
CREATE TABLE logs (
    seq    INTEGER PRIMARY KEY,
    job    BLOB NOT NULL CHECK (length(job) = 16),
    run    INTEGER NOT NULL,
    line   INTEGER NOT NULL CHECK (line > 0),
    at     INTEGER NOT NULL,
    source TEXT NOT NULL,
    text   TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX logs_by_job ON logs (job, run, line);
