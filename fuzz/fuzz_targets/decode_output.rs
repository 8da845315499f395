//! The strict decoder on replies of resource drivers.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(decode_output);
