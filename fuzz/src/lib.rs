//! Fuzz targets for everything that Counterfoil reads and others wrote.
//!
//! What a target does with bytes is a function in [`targets`], so that libFuzzer, a plain program and the test in this
//! crate call the same one. Each does more than wait for a panic: it asks for what has to hold of every input.
//! [`seeds`] makes the inputs to begin with.

#![forbid(unsafe_code)]

pub mod seeds;
pub mod targets;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::seeds::Seeds;

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, that of its program too.
    pub name: &'static str,
    /// Reads an input, and panics where something does not hold.
    pub run: fn(&[u8]),
    /// The inputs to begin with.
    pub seeds: fn() -> Seeds,
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// Every target.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: targets::$name, seeds: seeds::$name }),*];
    };
}

targets![
    adapter_frames,
    archive,
    decode_apply,
    decode_finalize,
    decode_message,
    decode_output,
    evidence_file,
    go_build,
    handshake_line,
    known_failures,
    plugin_manifest,
    release_file,
    scenario_file,
    settings_file,
    trace_file,
];

/// The program of a target: libFuzzer's under cargo-fuzz, else one that runs the files of its command line.
#[macro_export]
macro_rules! program {
    ($name:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::targets::$name(input));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::replay($crate::targets::$name)
        }
    };
}

/// Runs a target once for each file of the command line. Where something does not hold, that panics.
///
/// Exit code 2: no file is given, or one cannot be read.
pub fn replay(run: fn(&[u8])) -> ExitCode {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("give the files that are to be run once; `fuzz/run` is what makes up others");
        return ExitCode::from(2);
    }
    for path in paths {
        match fs::read(&path) {
            Ok(input) => run(&input),
            Err(error) => {
                eprintln!("{} cannot be read: {error}", path.display());
                return ExitCode::from(2);
            }
        }
        println!("{}: nothing is wrong", path.display());
    }
    ExitCode::SUCCESS
}

/// The root of the repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program() {
        for target in TARGETS {
            let program = repository().join(format!("fuzz/fuzz_targets/{}.rs", target.name));
            assert!(program.is_file(), "{} is missing", program.display());
        }
    }

    #[test]
    fn what_must_hold_of_any_input_holds_of_every_seed() {
        for target in TARGETS {
            let seeds = (target.seeds)();
            assert!(seeds.len() > 5, "{} has {} seeds", target.name, seeds.len());
            for (name, input) in seeds {
                println!("{} {name}", target.name);
                (target.run)(&input);
            }
        }
    }

    /// An input that has ever failed is kept in `regressions/TARGET/`.
    #[test]
    fn what_failed_once_holds_for_good() {
        for target in TARGETS {
            let kept = repository().join("fuzz/regressions").join(target.name);
            for entry in fs::read_dir(kept).into_iter().flatten() {
                let path = entry.unwrap().path();
                println!("{}", path.display());
                (target.run)(&fs::read(path).unwrap());
            }
        }
    }

    #[test]
    fn nothing_at_all_is_an_input_too() {
        for target in TARGETS {
            (target.run)(b"");
        }
    }
}
