//! Writes the seeds of the targets that are named, or of all, to `fuzz/seeds/TARGET/`. With `--list` it prints the names of
//! all targets instead.

use std::{env, fs, io, path::Path, process::ExitCode};

use counterfoil_fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if wanted.iter().any(|name| name == "--list") {
        for target in TARGETS {
            println!("{}", target.name);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = wanted.iter().find(|name| !TARGETS.iter().any(|target| target.name == *name)) {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("there is no target {unknown}; targets are {}", names.join(", "));
        return ExitCode::from(2);
    }
    for target in
        TARGETS.iter().filter(|target| wanted.is_empty() || wanted.iter().any(|name| name == target.name))
    {
        match write(target) {
            Ok(count) => println!("{}: {count} seeds", target.name),
            Err(error) => {
                eprintln!("the seeds of {} cannot be written: {error}", target.name);
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Writes the seeds of a target anew, and says how many they are.
fn write(target: &Target) -> io::Result<usize> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let seeds = (target.seeds)();
    for (name, input) in &seeds {
        fs::write(directory.join(name), input)?;
    }
    Ok(seeds.len())
}
