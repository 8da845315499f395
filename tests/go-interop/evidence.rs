//! What is read of how Go built a program is what Go itself prints of it.

use std::{fs, path::Path, process::Command};

use counterfoil::evidence::{Built, GoBuild, Module, Pin, Platform};
use tempfile::TempDir;

use super::{FORK, HASHICORP, Said, programs};

/// What `go version -m` prints.
fn printed(program: &Path) -> String {
    let output = Command::new("go").args(["version", "-m"]).arg(program).output().unwrap();
    assert!(output.status.success(), "{}", Said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Holds that everything that was read is printed, and that nothing printed was missed.
fn is_as_printed(program: &Path) -> Built {
    let (built, printed) = (Built::read(program).unwrap(), printed(program));
    let GoBuild { go, package, module, engine, revision, modified, time } = built.go.clone().unwrap();
    let line = |beginning: &str| {
        let mut lines = printed.lines().filter_map(|line| line.trim_start().strip_prefix(beginning));
        lines.next().map(|rest| rest.trim_end().to_owned())
    };
    assert!(printed.lines().next().unwrap().ends_with(&format!(": {go}")), "{go}: {printed}");
    assert_eq!(package, line("path\t"), "{printed}");
    let module = module.map(|Module { path, version }| format!("{path}\t{version}"));
    let told = line("mod\t").map(|told| told.split('\t').take(2).collect::<Vec<_>>().join("\t"));
    assert_eq!(module, told, "{printed}");
    let told = line("dep\tgithub.com/GoCodeAlone/workflow\t");
    assert_eq!(
        engine.map(|pin| pin.version),
        told.and_then(|told| Some(told.split('\t').next()?.to_owned())),
        "{printed}"
    );
    assert_eq!(revision, line("build\tvcs.revision="), "{printed}");
    assert_eq!(modified.map(|modified| modified.to_string()), line("build\tvcs.modified="), "{printed}");
    assert_eq!(time, line("build\tvcs.time="), "{printed}");
    built
}

#[test]
fn how_go_built_a_plugin_is_read_as_go_prints_it() {
    let Some(programs) = programs() else { return };
    for library in [HASHICORP, FORK] {
        let built = is_as_printed(&programs.join(format!("provider-{library}")));
        assert_eq!(built.platform, Some(Platform::here()));
    }
}

#[test]
fn the_pin_of_the_engine_is_read_on_every_system() {
    // That there is Go.
    let Some(_) = programs() else { return };
    let place = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = place.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let engine = "github.com/GoCodeAlone/workflow";
    write("engine/go.mod", &format!("module {engine}\n\ngo 1.24\n"));
    write("engine/engine.go", "package workflow\n\nvar Version = \"v0.57.1\"\n");
    let asks = format!("require {engine} v0.57.1\n\nreplace {engine} => ./engine\n");
    write("go.mod", &format!("module example.com/plugin\n\ngo 1.24\n\n{asks}"));
    write(
        "main.go",
        &format!("package main\n\nimport \"{engine}\"\n\nfunc main() {{ println(workflow.Version) }}\n"),
    );
    for (os, arch) in [("linux", "arm64"), ("darwin", "amd64")] {
        let program = place.path().join(os);
        let output = Command::new("go")
            .current_dir(place.path())
            .envs([
                ("GOOS", os),
                ("GOARCH", arch),
                ("CGO_ENABLED", "0"),
                ("GOPROXY", "off"),
                ("GOWORK", "off"),
            ])
            .args(["build", "-o"])
            .args([&program, Path::new(".")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", Said(&output));
        let built = is_as_printed(&program);
        assert_eq!(built.platform, Some(Platform { os: os.to_owned(), arch: arch.to_owned() }));
        let replaced_by = Some(Module { path: "engine".to_owned(), version: String::new() });
        let pin = built.go.unwrap().engine.map(|Pin { version, replaced_by }| {
            // What Go writes where a directory has no version differs between its releases.
            let replaced_by = replaced_by.map(|by| Module { version: String::new(), ..by });
            (version, replaced_by)
        });
        assert_eq!(pin, Some(("v0.57.1".to_owned(), replaced_by)));
    }
}
