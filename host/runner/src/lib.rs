//! Runs one plugin in the sandbox: no credentials, no network, no database.
