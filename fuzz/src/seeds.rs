//! Inputs to begin with. They are made from what the repository holds anyway, so that nothing is said twice.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use counterfoil::{
    adapter::{Case, frames::frame, serve},
    evidence::{self, Conditions, Subject, Suite, Witness},
    run::{self, Filter, Job, Options, Variant},
};
use counterfoil_core::{
    decode::{Strict, Vector, vectors},
    mutants::{MANIFESTS, Plugin, released},
    rpc::Method,
    scenario::{NewKnownFailure, Scenario, rewrite_known_failures},
    trace::Trace,
};
use counterfoil_proto::{
    Revision, RevisionRange,
    adapter::{DecoderCase, ToAdapter, to_adapter::Kind},
    handshake::Line,
};
use flate2::Compression;
use tar::{Builder, EntryType, Header};
use tokio_util::sync::CancellationToken;

use crate::{
    repository,
    targets::{GZIP, OUTPUTS, TAR, chosen, chosen_plan, gzip, messages},
};

/// Inputs by their names.
pub type Seeds = BTreeMap<String, Vec<u8>>;

/// The longest seed: of long inputs few are tried.
const LONGEST: usize = 32 << 10;

/// A member of an archive: its path, what it is, and its content or where it leads.
type Member = (&'static str, EntryType, &'static str);

/// A plugin archive in order, others that lead out of their directory, and archives as they lie on disk.
pub fn archive() -> Seeds {
    let members: [(&str, &[Member]); 9] = [
        (
            "plugin",
            &[
                ("./plugin.json", EntryType::Regular, "{}"),
                ("bin/", EntryType::Directory, ""),
                ("bin/mock", EntryType::Regular, "\x7fELF"),
                ("mock", EntryType::Symlink, "bin/mock"),
            ],
        ),
        ("nothing", &[]),
        ("above", &[("../out", EntryType::Regular, "x")]),
        ("absolute", &[("/out", EntryType::Regular, "x")]),
        ("link-above", &[("up", EntryType::Symlink, ".."), ("up/out", EntryType::Regular, "x")]),
        ("link-through-a-link", &[("up", EntryType::Symlink, ".."), ("up/out", EntryType::Symlink, "x")]),
        ("hard-link", &[("a", EntryType::Regular, "x"), ("b", EntryType::Link, "a")]),
        ("twice", &[("a", EntryType::Regular, "x"), ("a", EntryType::Regular, "y")]),
        ("device", &[("a", EntryType::Char, "")]),
    ];
    let tars = members.into_iter().map(|(name, members)| (name.to_owned(), tar(members)));
    tars.flat_map(|(name, tar)| {
        let packed = [&[GZIP], &gzip(&tar, Compression::best())[..]].concat();
        [(format!("{name}.gz"), packed), (name, [&[TAR], &tar[..]].concat())]
    })
    .collect()
}

/// A tar file of members.
fn tar(members: &[Member]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, kind, text) in members {
        let mut header = Header::new_gnu();
        let is_file = *kind == EntryType::Regular;
        // The library's own way of setting a path refuses what a hostile archive has.
        let fields = header.as_old_mut();
        fields.name[..path.len()].copy_from_slice(path.as_bytes());
        if !is_file {
            fields.linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_entry_type(*kind);
        header.set_mode(0o755);
        header.set_size(if is_file { text.len() as u64 } else { 0 });
        header.set_cksum();
        let content = if is_file { text.as_bytes() } else { b"" };
        builder.append(&header, content).expect("there is room in memory");
    }
    builder.into_inner().expect("there is room in memory")
}

/// The vectors of an `ApplyResponse`.
pub fn decode_apply() -> Seeds {
    of_vectors(|vector, revision| {
        let plan = chosen_plan(&vector.planned);
        let is_reply = vector.message == Method::Apply.response();
        is_reply.then(|| [vec![revision], plan].concat())
    })
}

/// The vectors of replies to `FinalizeApply`, and of those to `Apply`, which are something else.
pub fn decode_finalize() -> Seeds {
    of_vectors(|vector, revision| Some(vec![revision]).filter(|_| vector.message.ends_with("ApplyResponse")))
}

/// Every vector.
pub fn decode_message() -> Seeds {
    let names: Vec<&str> = messages().iter().map(prost_reflect::MessageDescriptor::full_name).collect();
    of_vectors(|vector, revision| Some(vec![chosen(&vector.message.as_str(), &names), revision]))
}

/// The vectors of a reply of a resource driver.
pub fn decode_output() -> Seeds {
    of_vectors(|vector, revision| {
        let method = OUTPUTS.into_iter().find(|method| method.response() == vector.message)?;
        Some(vec![chosen(&method, &OUTPUTS), revision])
    })
}

/// The messages of vectors, each behind the bytes that have it read as the vector says, and by the contract of a revision;
/// none leaves it out. Of revisions with one verdict the first stands for all.
fn of_vectors(choices: impl Fn(&Vector, u8) -> Option<Vec<u8>>) -> Seeds {
    let mut seeds = Seeds::new();
    for vector in vectors().into_iter().flat_map(|topic| topic.vectors) {
        let mut before = None;
        for (revision, verdict) in vector.verdicts() {
            if before.replace(verdict) == Some(verdict) {
                continue;
            }
            let Some(choices) = choices(&vector, chosen(&revision, Revision::ALL)) else { continue };
            let input = [&choices, &vector.bytes[..]].concat();
            if input.len() <= LONGEST {
                seeds.insert(format!("{}-{revision}", vector.name), input);
            }
        }
    }
    seeds
}

/// What our own adapter answers to cases, and what is no frame.
pub fn adapter_frames() -> Seeds {
    let mut seeds = Seeds::new();
    let mut answers = Vec::new();
    for (at, vector) in vectors().into_iter().flat_map(|topic| topic.vectors).enumerate() {
        let Some((revision, _)) = vector.verdicts().next() else { continue };
        let case = DecoderCase { case: at as u64 + 1, ..Case::of(&vector).at(revision) };
        let asked = frame(&ToAdapter { kind: Some(Kind::Decode(case)) });
        let mut answer = vec![u8::try_from(at % 256).expect("it is a byte")];
        serve::decoder(&asked[..], &mut answer, &Strict, "").expect("it is a frame");
        answers.extend_from_slice(&answer[1..]);
        if answer.len() <= LONGEST {
            seeds.insert(vector.name.to_owned(), answer);
        }
    }
    answers.truncate(LONGEST);
    for (name, bytes) in
        [("all", &answers[..]), ("text", b"\x07listening on 8080\n"), ("endless", b"\x02\xff\xff\xff\xff")]
    {
        seeds.insert(name.to_owned(), bytes.to_vec());
    }
    seeds
}

/// Evidence of stock scenarios, by the reference engine and by one that forgets failures.
pub fn evidence_file() -> Seeds {
    let place = tempfile::tempdir().expect("a directory");
    let program = place.path().join("plugin");
    fs::write(&program, "#!/bin/sh\n").expect("a file");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("it needs no thread");
    let broken = Variant::named("forgets-failures").expect("there is such a mutant");
    let filters = ["dispatch-error-mid-plan", "all-kinds-succeed", "revision:head"];
    let of = |(filter, variant): (&str, Variant)| {
        let terms = ["all-kinds-succeed", "dispatch-error-mid-plan", filter];
        let jobs = run::jobs(&run::stock().scenarios, &Filter::new(terms).expect("it is in order"));
        let conditions = Conditions {
            subject: Subject::behind(evidence::Kind::Engine, filter, &program).expect("it can be read"),
            program: program.clone(),
            suite: Suite::of(&jobs, true, RevisionRange::default(), &[filter.to_owned()]),
            until: None,
            variables: Vec::new(),
            ci: None,
            redactor: Arc::default(),
        };
        let name = format!(
            "{filter}-{}",
            if matches!(variant, Variant::Reference) { "reference" } else { "broken" }
        );
        let options = Options::embedded(variant, NonZeroUsize::MIN);
        let mut witness = Witness::new(conditions);
        let stop = CancellationToken::new();
        runtime
            .block_on(run::run(jobs, &options, &stop, |event| witness.event(&event)))
            .expect("no trace is kept");
        (name.replace(':', "-"), witness.finish().expect("it came to its end").to_json().into_bytes())
    };
    let variants = [Variant::Reference, broken];
    filters.into_iter().flat_map(|filter| variants.clone().map(|variant| (filter, variant))).map(of).collect()
}

/// What Go writes, of several kinds of builds, and what it no longer writes.
pub fn go_build() -> Seeds {
    let header = |flags| [b"\xff Go buildinf:\x08".as_slice(), &[flags], &[0; 16]].concat();
    let built = |lines: &str| {
        let lines = format!("0123456789abcdef{lines}0123456789abcdef");
        let len = u8::try_from(lines.len() % 128).expect("less than 128") | 0x80;
        let more = u8::try_from(lines.len() / 128).expect("a seed is short");
        [&*header(2), &[8], b"go1.26.0", &[len, more], lines.as_bytes()].concat()
    };
    let dep = "dep\tgithub.com/GoCodeAlone/workflow\tv0.57.1";
    [
        ("module", built("path\tx/cmd/y\nmod\tx\tv1.2.3\th1:a=\n")),
        ("engine", built(&format!("{dep}\th1:a=\n"))),
        ("replaced", built(&format!("{dep}\n=>\t../workflow\t(devel)\t\n"))),
        (
            "commit",
            built(
                "build\tvcs.revision=0123\nbuild\tvcs.modified=true\nbuild\tvcs.time=2026-05-15T20:20:03Z\n",
            ),
        ),
        ("quoted", built("build\t-ldflags=\"-X main.v=1\"\n")),
        ("old", header(0)),
        ("later", [&[0; 16], &*built("")].concat()),
    ]
    .map(|(name, data)| (name.to_owned(), data))
    .into()
}

/// Lines of plugins in order, of both families, and of some that are not.
pub fn handshake_line() -> Seeds {
    let certificate = "MIIB".repeat(100);
    let lines = [
        ("unix", Line::grpc("unix", "/tmp/plugin1", None).to_string()),
        ("tcp", Line::grpc("tcp", "127.0.0.1:10000", None).to_string()),
        ("certificate", Line::grpc("unix", "/tmp/plugin1", Some(certificate)).to_string()),
        ("multiplex", "1|1|unix|/tmp/plugin1|grpc||true\n".to_owned()),
        ("four-fields", " 1|1|unix|/tmp/plugin1 \r\n".to_owned()),
        ("three-fields", "1|1|unix\n".to_owned()),
        ("more-fields", "2|9|udp||netrpc| | | |".to_owned()),
    ];
    lines.into_iter().map(|(name, line)| (name.to_owned(), line.into_bytes())).collect()
}

/// What the documentation shows, what is written anew, and lists with mistakes.
pub fn known_failures() -> Seeds {
    let mut seeds = shown_in("docs/known-failures.md", "known_failures:");
    seeds.extend(files("tests/ui", &|path| path.ends_with("known-failures.yaml")));
    let new = |at| NewKnownFailure {
        rule: "OUT-001",
        scenario: format!("dispatch-{at}*"),
        message: "two outcomes\nof one action".to_owned(),
    };
    for count in 0..3 {
        let list = rewrite_known_failures(None, &[], &(0..count).map(new).collect::<Vec<_>>());
        let list = list.expect("a list of our own can be added to");
        let filled_in = list.replace("expires: TODO", "expires: 2099-01-01").replace("TODO", "later");
        seeds.insert(format!("new-{count}"), list.into_bytes());
        seeds.insert(format!("filled-in-{count}"), filled_in.into_bytes());
    }
    seeds
}

/// A manifest in order, every broken one, and those with mistakes.
pub fn plugin_manifest() -> Seeds {
    let mutants =
        MANIFESTS.iter().filter_map(|mutant| Some((mutant.name.to_owned(), mutant.text()?.into_bytes())));
    let mut seeds = files("tests/ui", &|path| path.ends_with("plugin.json"));
    seeds.extend(mutants);
    seeds.insert("good".to_owned(), Plugin::default().manifest().into_bytes());
    seeds
}

/// A release that says everything.
const RELEASE: &str = "\
release: r
require: live
estimate: 2d
engine:
  { from: 0.56.0, to: 0.57.0, bump: { minor: m }, commit: 0123abcd, tag: v0.57.0, order: 1, state: released,
    withdrawn: [v0.56.1], binary: wfctl, adapter: [a], evidence: e }
plugins:
  - { name: p, from: 1.0.0, to: 2.0.0, bump: { major: m }, commit: 0123abcd, tag: v2.0.0, order: 2, state: planned,
      previous: { directory: d, evidence: e },
      platforms: { linux/amd64: { archive: a, evidence: e }, darwin/arm64: { profile: aws@2.0.0 } } }
preconditions:
  - { text: t, link: l, confirmed_by: c, when: 2026-11-20 }
waivers:
  - { check: REL-010, member: p, contains: MAN-009, reason: r, approver: a, expires: 2026-12-31 }
";

/// What the documentation shows, and releases with mistakes.
pub fn release_file() -> Seeds {
    let is_release = |path: &Path| {
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        folder.is_some_and(|name| name.starts_with("release-"))
            && path.extension().is_some_and(|it| it == "yaml")
    };
    let mut seeds = files("tests/ui", &is_release);
    seeds.extend(shown_in("docs/cutover.md", "release:"));
    seeds.insert("good".to_owned(), RELEASE.into());
    seeds
}

/// The stock scenarios, and files with mistakes.
pub fn scenario_file() -> Seeds {
    let mut seeds = files("scenarios", &|path| path.extension().is_some_and(|extension| extension == "yaml"));
    seeds.extend(files("tests/ui", &|path| path.ends_with("scenario.yaml")));
    seeds
}

/// What the documentation shows, and settings with mistakes.
pub fn settings_file() -> Seeds {
    let mut seeds = shown_in("docs/settings.md", "provider:");
    seeds.extend(files("tests/ui", &|path| path.ends_with("counterfoil.yaml")));
    for (name, text) in
        [("nothing", "provider: {}\nrun: {}\n"), ("run", "run: { strict: yes, filter: [a@>=0.56] }\n")]
    {
        seeds.insert(name.to_owned(), text.into());
    }
    seeds
}

/// Traces of the stock scenarios, of the broken manifests, and one of an older form.
pub fn trace_file() -> Seeds {
    let mut seeds =
        files("golden/traces", &|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    let manifests = MANIFESTS.iter().take(3).map(|mutant| {
        let file = released(mutant.text());
        (mutant.name.to_owned(), saved(&mutant.of.trace(file)))
    });
    seeds.extend(manifests);
    seeds.extend(stock_traces());
    seeds.retain(|_, trace| trace.len() <= LONGEST);
    seeds
}

/// The traces of the stock scenarios that end by themselves, each at its newest revision.
fn stock_traces() -> Seeds {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("it needs no thread");
    let trace = |scenario: &Arc<Scenario>| {
        let job = Job { scenario: Arc::clone(scenario), revision: scenario.revisions.revisions().pop()? };
        let driven = run::drive(&job, &Variant::Reference);
        // One that cannot be driven here would not be run either.
        let trace = runtime.block_on(driven).ok()?;
        Some((trace.header.run_id(), saved(&trace)))
    };
    let stock = run::stock().scenarios;
    stock.iter().filter(|scenario| scenario.deadline.is_none()).filter_map(trace).collect()
}

fn saved(trace: &Trace) -> Vec<u8> {
    let mut saved = Vec::new();
    trace.save(&mut saved).expect("there is room in memory");
    saved
}

/// The files below a directory of the repository that are wanted, by their paths with `-` for `/`.
fn files(below: &str, wanted: &dyn Fn(&Path) -> bool) -> Seeds {
    let mut seeds = Seeds::new();
    let mut left = vec![repository().join(below)];
    while let Some(directory) = left.pop() {
        for path in entries(&directory) {
            if path.is_dir() {
                left.push(path);
            } else if wanted(&path) {
                let name = path.strip_prefix(repository()).unwrap_or(&path).display().to_string();
                seeds.insert(name.replace('/', "-"), read(&path));
            }
        }
    }
    seeds.retain(|_, content| content.len() <= LONGEST);
    seeds
}

/// The blocks of YAML that a page of the documentation shows and that have a line with this beginning.
fn shown_in(page: &str, beginning: &str) -> Seeds {
    let text = String::from_utf8_lossy(&read(&repository().join(page))).into_owned();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let wanted = blocks.filter(|block| block.lines().any(|line| line.starts_with(beginning)));
    wanted.enumerate().map(|(at, block)| (format!("shown-{at}"), block.as_bytes().to_vec())).collect()
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}
