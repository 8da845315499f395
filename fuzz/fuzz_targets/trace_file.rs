//! A saved trace.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(trace_file);
