//! `plugin.json`.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(plugin_manifest);
