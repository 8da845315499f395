//! Makes the stock scenarios part of the program.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Rehearsals of a cutover: releases, and no scenarios.
const REHEARSALS: &str = "../scenarios/cutover";

fn main() -> Result<(), Box<dyn Error>> {
    let scenarios = Path::new("../scenarios");
    println!("cargo:rerun-if-changed={}", scenarios.display());
    let mut files = Vec::new();
    collect(scenarios, &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let shown = file.strip_prefix("..")?.display().to_string();
        let path = fs::canonicalize(&file)?.display().to_string();
        writeln!(list, "    ({shown:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is set by cargo")?);
    fs::write(out.join("stock.rs"), list)?;
    Ok(())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if path != Path::new(REHEARSALS) {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    Ok(())
}
