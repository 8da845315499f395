//! A scenario file.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(scenario_file);
