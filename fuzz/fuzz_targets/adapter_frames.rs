//! What comes from an adapter.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(adapter_frames);
