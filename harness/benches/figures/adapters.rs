//! Decoders behind adapters.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use counterfoil::adapter::{
    Case, Launch, Line,
    frames::{Frames, frame},
};
use counterfoil_core::decode::vectors;
use counterfoil_proto::adapter::{DecoderCase, Role, ToAdapter, to_adapter::Kind};
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Runtime;

use crate::{
    launch::programs::{self, NotBuilt},
    runner::{Figures, timed},
};

/// How often every vector is decoded at every revision in one measurement.
const ROUNDS: usize = 4;

/// How many cases are without an answer at once.
const AT_ONCE: usize = 64;

/// Cases through the adapter of our own decoder, and through the one in Go, against the same frames through a process that
/// gives them back.
pub(crate) fn against_an_echo(figures: &mut Figures) {
    let ours = Path::new(env!("CARGO_BIN_EXE_counterfoil"));
    through("decoder-through-adapter", ours, &["adapter", "decoder"], figures);
    let name = "decoder-through-go-adapter";
    if !figures.wants(name) {
        return;
    }
    match programs::build() {
        Ok(programs) => through(name, &programs.join("decoder-adapter"), &[], figures),
        Err(NotBuilt::NoGo(why) | NotBuilt::Broken(why)) => figures.not_measured(name, &why),
    }
}

fn through(name: &str, program: &Path, arguments: &[&str], figures: &mut Figures) {
    if !figures.wants(name) {
        return;
    }
    let runtime: Runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be had");
    let supervisor = env!("CARGO_BIN_EXE_counterfoil");
    let launch = Launch::of_ours(supervisor, program, arguments, Duration::from_secs(60));
    let line = runtime.block_on(async { Line::new(launch, Role::Decoder) });
    runtime.block_on(line.ready()).expect("it is an adapter of ours");
    let cases: Vec<DecoderCase> = cases();
    let ours = || {
        let cases = cases.clone();
        timed(|| {
            let answers = stream::iter(cases).map(|case| line.decode(String::new(), case)).buffered(AT_ONCE);
            let answers = runtime.block_on(answers.collect::<Vec<_>>());
            assert!(answers.iter().all(|told| told.as_ref().is_ok_and(|told| told.answer.is_some())));
        })
    };
    let frames: Vec<Vec<u8>> = cases
        .iter()
        .map(|case| frame(&ToAdapter { kind: Some(Kind::Decode(case.clone())) }).to_vec())
        .collect();
    let mut echo = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a program that gives back what it reads");
    let mut input = echo.stdin.take().expect("it is piped");
    let mut output = echo.stdout.take().expect("it is piped");
    let baseline = || {
        timed(|| {
            let (mut read, mut buffer) = (Frames::default(), vec![0; 64 << 10]);
            for window in frames.chunks(AT_ONCE) {
                input.write_all(&window.concat()).expect("it is read");
                let mut left = window.len();
                while left > 0 {
                    let length = output.read(&mut buffer).expect("it is written");
                    read.push(&buffer[..length]);
                    while let Ok(Some(_)) = read.message() {
                        left -= 1;
                    }
                }
            }
        })
    };
    figures.pairs(name, 2.0, ours, baseline);
    drop(input);
    echo.wait().expect("it ends with its input");
}

fn cases() -> Vec<DecoderCase> {
    let vectors: Vec<_> = vectors().into_iter().flat_map(|topic| topic.vectors).collect();
    let of_vector = |vector| -> Vec<DecoderCase> {
        let case = Case::of(vector);
        vector.verdicts().map(|(revision, _)| case.at(revision)).collect()
    };
    let once: Vec<DecoderCase> = vectors.iter().flat_map(of_vector).collect();
    std::iter::repeat_n(once, ROUNDS).flatten().collect()
}
