//! The first line on a plugin's stdout.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(handshake_line);
