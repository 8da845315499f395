//! `counterfoil adapter`: what of ours stands behind an adapter.

use std::{fs::File, io, os::fd::AsFd as _, sync::Arc};

use clap::Subcommand;
use counterfoil_core::{
    decode::{Decoder, Strict},
    engine::Semantics,
    mutants::{DECODERS, ENGINES, Flawed},
};

use super::{commands::no_mutant, exit::Exit, output::Output};
use crate::adapter::{
    broken::{self, BROKEN},
    serve,
    serve_engine::{self, Served},
};

/// `counterfoil adapter`
#[derive(Debug, Subcommand)]
pub(super) enum Adapter {
    /// Be the adapter of the reference engine, or of a broken one.
    Engine {
        /// Apply as this broken engine does (`counterfoil mutants --list` has them).
        #[arg(long, value_name = "NAME")]
        mutant: Option<String>,
    },
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
        Adapter::Engine { mutant: None } => engine("the reference engine", |_| (), output),
        Adapter::Engine { mutant: Some(name) } => match ENGINES.iter().find(|mutant| mutant.name == name) {
            Some(mutant) => engine(name, mutant.alter, output),
            None => no_mutant(name, ENGINES.iter().map(|mutant| mutant.name), output),
        },
        Adapter::Decoder { mutant: None } => decoder(&Strict, "the strict decoder", output),
        Adapter::Decoder { mutant: Some(name) } => match DECODERS.iter().find(|mutant| mutant.name == name) {
            Some(mutant) => decoder(&Flawed(mutant.flaw), name, output),
            None => no_mutant(name, DECODERS.iter().map(|mutant| mutant.name), output),
        },
        Adapter::Broken { name } => match BROKEN.iter().find(|mutant| mutant.name == name) {
            Some(mutant) => ended(broken::serve(mutant, io::stdin().lock(), io::stdout()), output),
            None => no_mutant(name, BROKEN.iter().map(|mutant| mutant.name), output),
        },
    }
}

fn engine(subject: &str, alter: fn(&mut Semantics), output: Output) -> Exit {
    let served = Served { subject: subject.to_owned(), alter, decoder: Arc::new(Strict) };
    ended(serve_engine::engine(io::stdin().lock(), io::stdout(), served), output)
}

fn decoder(decoder: &dyn Decoder, subject: &str, output: Output) -> Exit {
    // By itself, standard output looks for ends of lines in what is written to it.
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let served = stdout.map_err(serve::ServeError::from);
    ended(served.and_then(|stdout| serve::decoder(io::stdin().lock(), stdout, decoder, subject)), output)
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
