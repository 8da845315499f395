//! What Go says of a program.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(go_build);
