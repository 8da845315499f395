//! The strict decoder on replies of `FinalizeApply`.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(decode_finalize);
