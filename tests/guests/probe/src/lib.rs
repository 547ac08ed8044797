//! One plugin with many behaviours, honest and hostile, for the tests.
