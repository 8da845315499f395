//! `counterfoil adapter`: what of ours stands behind an adapter.

use std::io;

use clap::Subcommand;
use counterfoil_core::{
    decode::{Decoder, Strict},
    mutants::{DECODERS, Flawed},
};

use super::{commands::no_mutant, exit::Exit, output::Output};
use crate::adapter::{
    broken::{self, BROKEN},
    serve,
};

/// `counterfoil adapter`
#[derive(Debug, Subcommand)]
pub(super) enum Adapter {
    /// Be the adapter of the strict decoder, or of a broken one.
    Decoder {
        /// Decode as this broken decoder does (`counterfoil mutants --list` has them).
        #[arg(long, value_name = "NAME")]
        mutant: Option<String>,
    },
    /// Be a broken adapter, as the kill matrix starts it.
    #[command(hide = true)]
    Broken {
        /// Which one.
        name: String,
    },
}

/// Carries out a command.
pub(super) fn execute(command: &Adapter, output: Output) -> Exit {
    match command {
        Adapter::Decoder { mutant: None } => decoder(&Strict, "the strict decoder", output),
        Adapter::Decoder { mutant: Some(name) } => match DECODERS.iter().find(|mutant| mutant.name == name) {
            Some(mutant) => decoder(&Flawed(mutant.flaw), name, output),
            None => no_mutant(name, DECODERS.iter().map(|mutant| mutant.name), output),
        },
        Adapter::Broken { name } => match BROKEN.iter().find(|mutant| mutant.name == name) {
            Some(mutant) => {
                ended(broken::serve(mutant.flaw, io::stdin().lock(), io::stdout().lock()), output)
            }
            None => no_mutant(name, BROKEN.iter().map(|mutant| mutant.name), output),
        },
    }
}

fn decoder(decoder: &dyn Decoder, subject: &str, output: Output) -> Exit {
    ended(serve::decoder(io::stdin().lock(), io::stdout().lock(), decoder, subject), output)
}

fn ended(served: Result<(), serve::ServeError>, output: Output) -> Exit {
    match served {
        Ok(()) => Exit::Passed,
        Err(error) => {
            output.error(&format!("{error}; docs/adapter.md says what an adapter is told"));
            Exit::Usage
        }
    }
}
