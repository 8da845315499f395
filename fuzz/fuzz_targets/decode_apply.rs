//! The strict decoder on replies of `Apply`.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(decode_apply);
