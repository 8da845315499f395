//! The figures that the project promises, each against a baseline in the same run.
//!
//! `cargo bench -p counterfoil --bench figures [-- NAME…]`. Pairs are interleaved and take turns in going first; what
//! counts is the ratio of the medians, never a second. The mock provider runs in a process of its own.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod adapters;
mod cutover;
mod decoding;
mod engine;
mod explore;
mod launch;
mod processes;
mod proxy;
mod runner;
mod state;
mod suite;

use std::{env, process::ExitCode};

use mimalloc::MiMalloc;

/// That of the command.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some(runner::SERVE) => return engine::serve(&arguments[1]),
        Some(adapters::ECHO) => return adapters::echo(),
        Some(engine::PEAK) => return engine::peak(&arguments[1..]),
        Some(processes::LAUNCHES) => return processes::launch_all(arguments[1].as_ref()),
        _ => {}
    }
    let mut figures = runner::Figures::new(arguments);
    decoding::outcomes(&mut figures);
    decoding::resources(&mut figures);
    adapters::against_an_echo(&mut figures);
    engine::against_a_bare_client(&mut figures);
    engine::ten_times_the_actions(&mut figures);
    engine::memory(&mut figures);
    state::of_a_megabyte(&mut figures);
    suite::stock(&mut figures);
    suite::validate(&mut figures);
    suite::hang(&mut figures);
    suite::reports(&mut figures);
    explore::time_in_the_subject(&mut figures);
    explore::mutants(&mut figures);
    launch::to_first_reply(&mut figures);
    proxy::unary(&mut figures);
    proxy::in_flight(&mut figures);
    processes::launches(&mut figures);
    processes::flood(&mut figures);
    cutover::rehearsal(&mut figures);
    cutover::fifty_plugins(&mut figures);
    figures.finish()
}
