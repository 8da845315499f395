//! A list of known failures.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(known_failures);
