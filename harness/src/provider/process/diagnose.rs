//! Why a program does not start. Looked at before it is started, as the system's own words say little.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use counterfoil_core::trace::NotStarted;
use object::{
    Architecture, Endianness, FileKind, Object as _, ReadCache,
    elf::{FileHeader32, FileHeader64},
    read::elf::{ElfFile, FileHeader, ProgramHeader as _},
};
use rustix::{
    fs::{Access, access},
    io::Errno,
};

/// Why there will be no process, and what that means for the reader.
pub(super) type Why = (NotStarted, String);

/// How much of a file is read to see what it is.
const BEGINNING: u64 = 4 << 10;

/// Says why `program` cannot be started; none where nothing is known against it.
pub(super) fn examine(program: &Path) -> Option<Why> {
    let shown = program.display();
    let metadata = match fs::metadata(program) {
        Ok(metadata) => metadata,
        Err(error) => return Some(unreachable(program, &error)),
    };
    if !metadata.is_file() {
        let kind = metadata.file_type();
        let kind = match () {
            () if kind.is_dir() => "a directory",
            () if kind.is_socket() => "a socket",
            () if kind.is_fifo() => "a pipe",
            () => "a device",
        };
        return Some((NotStarted::NotAFile, format!("{shown} is {kind}, expected a program")));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        let detail = format!("{shown} may not be executed: `chmod +x` allows it");
        return Some((NotStarted::NotExecutable, detail));
    }
    if access(program, Access::EXEC_OK).is_err() {
        return Some(forbidden(program, metadata.uid()));
    }
    let mut beginning = Vec::new();
    let read = File::open(program).and_then(|file| file.take(BEGINNING).read_to_end(&mut beginning));
    match read {
        // A program may be executable without being readable; then only the system knows.
        Err(_) => None,
        Ok(0) => {
            Some((NotStarted::Empty, format!("{shown} is empty: it was not built, or not copied whole")))
        }
        Ok(_) => content(program, &beginning),
    }
}

/// What an error of the system means that came when the program was started, although nothing was known against it.
pub(super) fn system(program: &Path, errno: Option<i32>, detail: &str) -> Why {
    let why = match errno.map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) => NotStarted::MissingLoader,
        Some(Errno::ACCESS | Errno::PERM) => NotStarted::NotExecutable,
        Some(Errno::NOEXEC) => NotStarted::Malformed,
        _ => NotStarted::System,
    };
    (why, format!("the system does not start {}: {detail}", program.display()))
}

fn unreachable(program: &Path, error: &io::Error) -> Why {
    let shown = program.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let dangling = program.symlink_metadata().is_ok();
            let what = if dangling { "is a link to nothing" } else { "does not exist" };
            (NotStarted::NotFound, format!("{shown} {what}"))
        }
        io::ErrorKind::PermissionDenied => {
            let closed =
                program.ancestors().skip(1).find(|directory| access(*directory, Access::EXEC_OK).is_err());
            let owner =
                closed.and_then(|directory| fs::metadata(directory).ok()).map(|metadata| metadata.uid());
            let closed = closed.unwrap_or(program).display();
            let owner = owner.map_or(String::new(), |owner| format!(", which belongs to user {owner},"));
            (
                NotStarted::WrongOwner,
                format!("{shown} cannot be reached: {closed}{owner} may not be entered by us"),
            )
        }
        _ => (NotStarted::System, format!("{shown} cannot be looked at: {error}")),
    }
}

fn forbidden(program: &Path, owner: u32) -> Why {
    let shown = program.display();
    if owner == rustix::process::geteuid().as_raw() {
        let detail =
            format!("{shown} may not be executed by its owner, or lies where nothing may be executed");
        return (NotStarted::NotExecutable, detail);
    }
    let detail =
        format!("{shown} belongs to user {owner}, and may not be executed by us: `chown` or `chmod` it");
    (NotStarted::WrongOwner, detail)
}

fn content(program: &Path, beginning: &[u8]) -> Option<Why> {
    let shown = program.display();
    if let Some(line) = beginning.strip_prefix(b"#!") {
        return script(program, line);
    }
    let kind = FileKind::parse(beginning).ok();
    let elf = matches!(kind, Some(FileKind::Elf32 | FileKind::Elf64)) || beginning.starts_with(b"\x7fELF");
    let other = match kind {
        _ if elf && !cfg!(target_os = "macos") => return elf_file(program, kind),
        _ if elf => Some("Linux"),
        Some(FileKind::MachO32 | FileKind::MachO64 | FileKind::MachOFat32 | FileKind::MachOFat64) => {
            if cfg!(target_os = "macos") {
                return None;
            }
            Some("macOS")
        }
        _ if beginning.starts_with(b"MZ") => Some("Windows"),
        _ => None,
    };
    Some(match other {
        Some(system) => {
            let ours = std::env::consts::OS;
            (NotStarted::WrongArchitecture, format!("{shown} was built for {system}, and this is {ours}"))
        }
        None if std::str::from_utf8(beginning).is_ok_and(|text| !text.contains('\0')) => {
            let detail = format!("{shown} is text without a line such as `#!/bin/sh` at its beginning");
            (NotStarted::NoShebang, detail)
        }
        None => (NotStarted::Malformed, format!("{shown} is neither a program nor a script")),
    })
}

fn script(program: &Path, line: &[u8]) -> Option<Why> {
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let shown = program.display();
    let Some(interpreter) = line.split_whitespace().next() else {
        return Some((NotStarted::NoShebang, format!("the first line of {shown} names no interpreter")));
    };
    // The system takes the carriage return of a Windows editor for a part of the name.
    let named = if line.trim_start().ends_with('\r') && line.split_whitespace().count() == 1 {
        format!("{interpreter}\r")
    } else {
        interpreter.to_owned()
    };
    if Path::new(&named).exists() {
        return None;
    }
    let detail = format!("the interpreter of {shown}, {named:?}, does not exist on this machine");
    Some((NotStarted::MissingLoader, detail))
}

fn elf_file(program: &Path, kind: Option<FileKind>) -> Option<Why> {
    let file = File::open(program).ok()?;
    let size = file.metadata().ok()?.len();
    let cache = ReadCache::new(file);
    match kind {
        Some(FileKind::Elf64) => segments::<FileHeader64<Endianness>>(program, &cache, size),
        Some(FileKind::Elf32) => segments::<FileHeader32<Endianness>>(program, &cache, size),
        _ => Some(cut_short(program, "its header is not complete")),
    }
}

fn cut_short(program: &Path, what: &str) -> Why {
    let detail = format!("{} is a damaged program: {what}. Build or copy it again", program.display());
    (NotStarted::Malformed, detail)
}

fn segments<H: FileHeader<Endian = Endianness>>(
    program: &Path,
    file: &ReadCache<File>,
    size: u64,
) -> Option<Why> {
    let header = match H::parse(file) {
        Ok(header) => header,
        Err(error) => return Some(cut_short(program, &error.to_string())),
    };
    let Ok(endian) = header.endian() else { return Some(cut_short(program, "its header makes no sense")) };
    if let Some(why) = foreign(program, file) {
        return Some(why);
    }
    let segments = match header.program_headers(endian, file) {
        Ok([]) => return Some(cut_short(program, "it has nothing that could be loaded")),
        Ok(segments) => segments,
        Err(error) => return Some(cut_short(program, &error.to_string())),
    };
    for segment in segments {
        let (offset, length): (u64, u64) = (segment.p_offset(endian).into(), segment.p_filesz(endian).into());
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Some(cut_short(
                program,
                &format!("it ends after {size} bytes, in the middle of a segment"),
            ));
        }
        if let Ok(Some(loader)) = segment.interpreter(endian, file) {
            let loader = String::from_utf8_lossy(loader);
            if !Path::new(&*loader).exists() {
                let detail = format!(
                    "the loader of {}, {loader}, does not exist on this machine: it was linked against another C \
                     library, and a static build (CGO_ENABLED=0) needs none",
                    program.display()
                );
                return Some((NotStarted::MissingLoader, detail));
            }
        }
    }
    None
}

/// Whether a program is for another processor than ours.
fn foreign(program: &Path, file: &ReadCache<File>) -> Option<Why> {
    let theirs = match FileKind::parse(file).ok()? {
        FileKind::Elf64 => ElfFile::<FileHeader64<Endianness>, _>::parse(file).ok()?.architecture(),
        _ => ElfFile::<FileHeader32<Endianness>, _>::parse(file).ok()?.architecture(),
    };
    let runs = match std::env::consts::ARCH {
        "x86_64" => matches!(theirs, Architecture::X86_64 | Architecture::X86_64_X32 | Architecture::I386),
        "aarch64" => matches!(theirs, Architecture::Aarch64 | Architecture::Arm),
        // Others are left to the system.
        _ => true,
    };
    let ours = std::env::consts::ARCH;
    let detail = format!("{} was built for {theirs:?}, and this machine is {ours}", program.display());
    (!runs).then_some((NotStarted::WrongArchitecture, detail))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    /// What is said of an executable file of these bytes.
    fn of(bytes: &[u8]) -> Option<NotStarted> {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("plugin");
        fs::write(&program, bytes).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        examine(&program).map(|(why, _)| why)
    }

    /// Our own program, of which a copy can be damaged.
    fn program() -> Vec<u8> {
        let path = std::env::current_exe().unwrap();
        // The beginning is enough for what is looked at, but not for the segments.
        fs::read(path).unwrap()
    }

    #[test]
    fn what_is_no_program_is_told_apart() {
        assert_eq!(of(b""), Some(NotStarted::Empty));
        assert_eq!(of(b"echo hello\n"), Some(NotStarted::NoShebang));
        assert_eq!(of(b"#!\necho hello\n"), Some(NotStarted::NoShebang));
        assert_eq!(of(b"#!/no/such/interpreter\n"), Some(NotStarted::MissingLoader));
        assert_eq!(of(b"#!/bin/sh\r\n"), Some(NotStarted::MissingLoader));
        assert_eq!(of(b"#!/bin/sh\n"), None);
        assert_eq!(of(b"#! /bin/sh -e\r\n"), None);
        assert_eq!(of(b"\0\x01\x02\x03 binary"), Some(NotStarted::Malformed));
        assert_eq!(of(b"MZ\x90\0"), Some(NotStarted::WrongArchitecture));
    }

    #[test]
    fn what_cannot_be_reached_or_executed_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let why = |path: &Path| examine(path).map(|(why, _)| why);
        assert_eq!(why(directory.path()), Some(NotStarted::NotAFile));
        let program = directory.path().join("plugin");
        assert_eq!(why(&program), Some(NotStarted::NotFound));
        std::os::unix::fs::symlink("nowhere", &program).unwrap();
        assert!(examine(&program).unwrap().1.ends_with("is a link to nothing"));
        fs::remove_file(&program).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        assert_eq!(why(&program), Some(NotStarted::NotExecutable));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn damaged_and_foreign_programs_are_told_apart() {
        let whole = program();
        assert_eq!(of(&whole), None);
        for length in [4, 40, 100, whole.len() / 100] {
            assert_eq!(of(&whole[..length]), Some(NotStarted::Malformed), "{length} bytes");
        }
        let mut foreign = whole.clone();
        // The machine of the header, as S/390.
        foreign[18..20].copy_from_slice(&[22, 0]);
        assert_eq!(of(&foreign), Some(NotStarted::WrongArchitecture));
        let mut unloadable = whole;
        let at = memchr::memmem::find(&unloadable, b"/ld-").expect("it names its loader");
        unloadable[at..at + 4].copy_from_slice(b"/no-");
        assert_eq!(of(&unloadable), Some(NotStarted::MissingLoader));
    }
}
