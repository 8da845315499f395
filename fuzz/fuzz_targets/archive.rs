//! A release archive.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(archive);
