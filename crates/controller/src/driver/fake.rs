//! An engine in memory that keeps the contracts of [`Driver`](super::Driver), for tests of everything above it.
