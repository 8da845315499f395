//! What Go writes into a program about how it was built: `.go.buildinfo`, as `go version -m` prints it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded;

/// The engine, as modules know it.
const ENGINE: &str = "github.com/GoCodeAlone/workflow";

/// How the information begins. It lies where the address is a multiple of its length with what follows.
const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: usize = 16;

/// Behind the magic: the size of a pointer, and a byte of flags. With this one, the strings follow at [`STRINGS`].
const FLAGS: usize = 15;
const INLINE: u8 = 2;
const STRINGS: usize = 32;

/// What stands before and behind the lines about modules, so that they can be found in a running program.
const SENTINEL: usize = 16;

/// How a Go program was built. What it does not say is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GoBuild")]
pub struct GoBuild {
    /// The version of Go, such as `go1.26.0`.
    pub go: String,
    /// The path of the main package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The main module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Module>,
    /// The module of the engine that it was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Pin>,
    /// The commit that it was built from: `vcs.revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether there were changes beside that commit: `vcs.modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<bool>,
    /// When it was committed: `vcs.time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// A module at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GoModule")]
pub struct Module {
    /// Its path. Of a directory that takes the place of a module, the name alone.
    pub path: String,
    /// Its version; empty where it has none.
    pub version: String,
}

/// The version of a module that a program asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "GoPin")]
pub struct Pin {
    /// The version.
    pub version: String,
    /// What was taken in its place, by a `replace` in go.mod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Module>,
}

impl GoBuild {
    /// Reads the information out of what holds it: the bytes of its section, or of a segment.
    ///
    /// # Errors
    /// Why nothing is known: there is none, it is of a Go before 1.18, or damaged.
    pub fn read(data: &[u8]) -> Result<Self, &'static str> {
        let starts = (0..data.len()).step_by(ALIGNMENT);
        let mut found = starts.filter_map(|at| data.get(at..)).filter(|from| from.starts_with(MAGIC));
        let from = found.next().ok_or("it holds no Go build information")?;
        match from.get(FLAGS) {
            Some(flags) if flags & INLINE != 0 => {}
            Some(_) => return Err("its Go build information is of a Go before 1.18"),
            None => return Err(DAMAGED),
        }
        let (go, rest) = string(from.get(STRINGS..).unwrap_or_default()).ok_or(DAMAGED)?;
        let (lines, _) = string(rest).ok_or(DAMAGED)?;
        let go = std::str::from_utf8(go).map_err(|_| DAMAGED)?;
        // A program that was built without modules has no lines.
        let lines = lines.len().checked_sub(2 * SENTINEL).map(|len| &lines[SENTINEL..][..len]);
        let lines = std::str::from_utf8(lines.unwrap_or_default()).map_err(|_| DAMAGED)?;
        Ok(Self { go: bounded(go), ..Self::of_lines(lines) })
    }

    fn of_lines(lines: &str) -> Self {
        let mut build = Self::default();
        let mut is_engine = false;
        for line in lines.lines() {
            let (word, rest) = line.split_once('\t').unwrap_or((line, ""));
            let mut columns = rest.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            match word {
                "path" => build.package = Some(bounded(rest)),
                "mod" => build.module = Some(Module::of(column(), column())),
                "dep" => {
                    is_engine = column() == ENGINE;
                    if is_engine {
                        build.engine = Some(Pin { version: bounded(column()), replaced_by: None });
                    }
                }
                // It is about the line before it.
                "=>" if is_engine => {
                    let by = Module::of(column(), column());
                    build.engine.iter_mut().for_each(|pin| pin.replaced_by = Some(by.clone()));
                }
                "build" => build.set(rest),
                _ => {}
            }
        }
        build
    }

    /// Takes what `vcs.` says: nothing in it is ever quoted.
    fn set(&mut self, setting: &str) {
        match setting.split_once('=') {
            Some(("vcs.revision", value)) => self.revision = Some(bounded(value)),
            Some(("vcs.time", value)) => self.time = Some(bounded(value)),
            Some(("vcs.modified", value)) => self.modified = value.parse().ok(),
            _ => {}
        }
    }
}

impl Module {
    /// The directory of a machine tells who works there, and nothing of the module.
    fn of(path: &str, version: &str) -> Self {
        let is_directory = path.starts_with(['.', '/']) || path.contains('\\');
        let shown = if is_directory { path.rsplit(['/', '\\']).next().unwrap_or_default() } else { path };
        Self { path: bounded(shown), version: bounded(version) }
    }
}

const DAMAGED: &str = "its Go build information is damaged";

/// A text behind its length, and what comes after it.
fn string(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut len, mut shift) = (0_u64, 0);
    for (at, byte) in data.iter().enumerate().take(10) {
        len |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return data[at + 1..].split_at_checked(usize::try_from(len).ok()?);
        }
        shift += 7;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Go writes: the header, and each text behind its length.
    pub(in crate::evidence) fn written(go: &str, lines: &str) -> Vec<u8> {
        let mut data = [MAGIC, &[8, INLINE], &[0; 16]].concat();
        let lines =
            if lines.is_empty() { String::new() } else { format!("{0}{lines}{0}", "0123456789abcdef") };
        for text in [go, &lines] {
            let mut len = text.len();
            while len >= 0x80 {
                data.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
                len >>= 7;
            }
            data.push(u8::try_from(len).unwrap());
            data.extend(text.bytes());
        }
        data
    }

    pub(in crate::evidence) const LINES: &str = "path\texample.com/plugin/cmd/plugin
mod\texample.com/plugin\tv1.2.3\th1:abc=
dep\tgithub.com/GoCodeAlone/modular\tv1.0.0\th1:def=
=>\texample.com/modular\tv1.0.1\th1:ghi=
dep\tgithub.com/GoCodeAlone/workflow\tv0.57.1\th1:jkl=
dep\tgolang.org/x/sys\tv0.30.0\th1:mno=
build\t-ldflags=\"-X main.version=v1.2.3\"
build\tvcs=git
build\tvcs.revision=0123456789abcdef0123456789abcdef01234567
build\tvcs.time=2026-05-15T20:20:03Z
build\tvcs.modified=true
";

    #[test]
    fn what_go_says_of_a_build_is_read() {
        let read = GoBuild::read(&written("go1.26.0", LINES)).unwrap();
        let text = |text: &str| Some(text.to_owned());
        let module = Module { path: "example.com/plugin".to_owned(), version: "v1.2.3".to_owned() };
        let expected = GoBuild {
            go: "go1.26.0".to_owned(),
            package: text("example.com/plugin/cmd/plugin"),
            module: Some(module),
            engine: Some(Pin { version: "v0.57.1".to_owned(), replaced_by: None }),
            revision: text("0123456789abcdef0123456789abcdef01234567"),
            modified: Some(true),
            time: text("2026-05-15T20:20:03Z"),
        };
        assert_eq!(read, expected);
        // The section may begin with what is not of it.
        let later = [&[0; 32], &*written("go1.26.0", LINES)].concat();
        assert_eq!(GoBuild::read(&later), Ok(expected));
    }

    #[test]
    fn a_replaced_engine_is_told_and_no_directory_of_the_machine() {
        let pin = |by: &str| {
            let lines = format!("dep\t{ENGINE}\tv0.57.1\n=>\t{by}\ndep\tother\tv1\n=>\tfar/away\tv2\n");
            GoBuild::read(&written("go1.26.0", &lines)).unwrap().engine.unwrap().replaced_by.unwrap()
        };
        let module =
            |path: &str, version: &str| Module { path: path.to_owned(), version: version.to_owned() };
        assert_eq!(pin("example.com/fork\tv0.57.2\th1:x="), module("example.com/fork", "v0.57.2"));
        assert_eq!(pin("/home/somebody/src/workflow\t(devel)\t"), module("workflow", "(devel)"));
        assert_eq!(pin("../workflow\t\t"), module("workflow", ""));
        assert_eq!(pin(r"C:\Users\somebody\workflow"), module("workflow", ""));
    }

    #[test]
    fn what_tells_nothing_is_unknown_for_its_reason() {
        let whole = written("go1.26.0", LINES);
        assert_eq!(GoBuild::read(b"\x7fELF").unwrap_err(), "it holds no Go build information");
        let mut old = whole.clone();
        old[FLAGS] = 0;
        assert_eq!(GoBuild::read(&old).unwrap_err(), "its Go build information is of a Go before 1.18");
        for end in [FLAGS, STRINGS, STRINGS + 4, whole.len() - 1] {
            assert_eq!(GoBuild::read(&whole[..end]).unwrap_err(), DAMAGED, "{end}");
        }
        let bare = GoBuild::read(&written("go1.26.0", "")).unwrap();
        assert_eq!(bare, GoBuild { go: "go1.26.0".to_owned(), ..GoBuild::default() });
    }

    proptest! {
        #[test]
        fn whatever_stands_there_nothing_panics_and_nothing_grows(
            data in proptest::collection::vec(any::<u8>(), 0..400),
            cut in 0_usize..700,
        ) {
            let _ = GoBuild::read(&[MAGIC, &[8, INLINE], &data].concat());
            let whole = written("go1.26.0", LINES);
            let _ = GoBuild::read(&whole[..cut.min(whole.len())]);
        }
    }
}
