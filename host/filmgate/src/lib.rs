//! Runs untrusted video renderers as sandboxed components and publishes what they render to S3.
