//! The strict decoder on any message of the contract.

#![cfg_attr(fuzzing, no_main)]

counterfoil_fuzz::program!(decode_message);
