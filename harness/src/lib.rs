//! Counterfoil as a library: everything that the `counterfoil` command can do.
//!
//! [`run`] takes scenarios to verdicts, [`provider`] reaches what is under test, [`report`] shows finished results,
//! and [`cli`] is the command line, which holds no logic of its own.

pub mod adapter;
pub mod cli;
pub mod contract;
pub mod cutover;
pub mod evidence;
pub mod explore;
pub mod init;
pub mod mutants;
pub mod profiles;
pub mod provider;
pub mod proxy;
pub mod report;
pub mod run;
pub mod settings;
pub mod subject;
pub mod suite;
