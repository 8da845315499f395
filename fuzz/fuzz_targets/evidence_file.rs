//! Evidence.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(evidence_file);
