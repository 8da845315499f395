//! `counterfoil.yaml`.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(settings_file);
