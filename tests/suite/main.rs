//! The stock suite.
