//! `release.yaml`.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(release_file);
