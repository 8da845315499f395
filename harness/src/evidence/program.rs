//! A program, looked at without running it: what it was built for, and what Go says of how.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use object::{
    Architecture, FileFlags, Object, ObjectSection as _, ObjectSegment as _, ReadCache, SegmentFlags, elf,
};

use super::{GoBuild, Platform};

/// How much of a section or of a segment is read. Of programs with a thousand modules it is a tenth of that.
const MOST: u64 = 1 << 20;

/// The section that Go writes, in ELF and in Mach-O.
const SECTIONS: [&str; 2] = [".go.buildinfo", "__go_buildinfo"];

/// What a program was built for, and how. What it does not tell is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// What it was built for, by its header.
    pub platform: Option<Platform>,
    /// What Go says, or why nothing is known.
    pub go: Result<GoBuild, String>,
}

impl Built {
    /// Looks at a program. A script, and what is no program at all, tell nothing.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(program: &Path) -> io::Result<Self> {
        let mut file = File::open(program)?;
        let unknown = |why: &str| Self { platform: None, go: Err(why.to_owned()) };
        let metadata = file.metadata()?;
        // Only a file is looked into: what else could be opened might never end.
        if !metadata.is_file() {
            return Ok(unknown("it is no file"));
        }
        let cache = ReadCache::new(&file);
        let Ok(parsed) = object::File::parse(&cache) else {
            return Ok(unknown("it is neither an ELF nor a Mach-O file"));
        };
        let (platform, place) = (platform(&parsed), place(&parsed));
        drop(parsed);
        let Some((offset, size)) = place.filter(|(offset, _)| *offset < metadata.len()) else {
            return Ok(Self { platform, ..unknown("it holds no Go build information") });
        };
        let mut data = Vec::new();
        file.seek(SeekFrom::Start(offset))?;
        file.take(size.min(MOST)).read_to_end(&mut data)?;
        Ok(Self { platform, go: GoBuild::read(&data).map_err(str::to_owned) })
    }
}

/// Where in the file the information lies: in its section, else, where sections were taken out, in the first segment of data.
fn place<'d>(file: &impl Object<'d>) -> Option<(u64, u64)> {
    let section = SECTIONS.iter().find_map(|name| file.section_by_name(name)?.file_range());
    let is_data = |flags: SegmentFlags| match flags {
        SegmentFlags::Elf { p_flags } => p_flags & (elf::PF_X | elf::PF_W) == elf::PF_W,
        _ => false,
    };
    section.or_else(|| file.segments().find(|segment| is_data(segment.flags())).map(|data| data.file_range()))
}

/// The platform, in Go's words; none where these have no word for it.
fn platform<'d>(file: &impl Object<'d>) -> Option<Platform> {
    let os = match file.flags() {
        FileFlags::MachO { .. } => "darwin",
        FileFlags::Elf { os_abi, .. } => match os_abi {
            // Linux leaves out what the others say.
            elf::ELFOSABI_NONE | elf::ELFOSABI_GNU => "linux",
            elf::ELFOSABI_FREEBSD => "freebsd",
            elf::ELFOSABI_NETBSD => "netbsd",
            elf::ELFOSABI_OPENBSD => "openbsd",
            elf::ELFOSABI_SOLARIS => "solaris",
            _ => return None,
        },
        _ => return None,
    };
    let arch = match file.architecture() {
        Architecture::X86_64 => "amd64",
        Architecture::Aarch64 => "arm64",
        Architecture::I386 => "386",
        Architecture::Arm => "arm",
        Architecture::Riscv64 => "riscv64",
        Architecture::LoongArch64 => "loong64",
        Architecture::S390x => "s390x",
        Architecture::PowerPc64 if file.is_little_endian() => "ppc64le",
        Architecture::PowerPc64 => "ppc64",
        _ => return None,
    };
    Some(Platform { os: os.to_owned(), arch: arch.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::evidence::go::tests::{LINES, written};

    /// Where the only segment of [`elf`] begins.
    const SEGMENT: u64 = 128;

    fn read(content: &[u8]) -> Built {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        Built::read(file.path()).unwrap()
    }

    /// An ELF file of 64 bits without sections, with a segment that can be written and says to be so long.
    fn elf(os_abi: u8, machine: u16, data: &[u8], len: u64) -> Vec<u8> {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>();
        let mut file = [b"\x7fELF\x02\x01\x01", &[os_abi][..], &[0; 8]].concat();
        file.extend(halves(&[2, machine, 1, 0]));
        file.extend(words(&[0, 64, 0]));
        file.extend(halves(&[0, 0, 64, 56, 1, 64, 0, 0]));
        file.extend([1_u32, elf::PF_R | elf::PF_W].map(u32::to_le_bytes).concat());
        file.extend(words(&[SEGMENT, 0, 0, len, len, 16]));
        file.resize(128, 0);
        file.extend(data);
        file
    }

    fn platform_of(file: &[u8]) -> Option<String> {
        read(file).platform.map(|Platform { os, arch }| format!("{os}/{arch}"))
    }

    #[test]
    fn a_header_tells_the_platform() {
        for (os_abi, machine, expected) in [
            (elf::ELFOSABI_NONE, elf::EM_X86_64, Some("linux/amd64")),
            (elf::ELFOSABI_GNU, elf::EM_AARCH64, Some("linux/arm64")),
            (elf::ELFOSABI_FREEBSD, elf::EM_RISCV, Some("freebsd/riscv64")),
            (elf::ELFOSABI_NONE, elf::EM_PPC64, Some("linux/ppc64le")),
            (elf::ELFOSABI_NONE, elf::EM_AVR, None),
            (elf::ELFOSABI_HPUX, elf::EM_X86_64, None),
        ] {
            assert_eq!(platform_of(&elf(os_abi, machine, b"", 0)).as_deref(), expected, "{os_abi} {machine}");
        }
        let macho = [0xfeed_facf_u32, 0x0100_000c, 0, 2, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
        assert_eq!(platform_of(&macho).as_deref(), Some("darwin/arm64"));
        for other in [&b"#!/bin/sh\n"[..], b"", b"MZ", &macho[..20]] {
            assert_eq!(read(other).platform, None, "{other:?}");
        }
    }

    #[test]
    fn without_sections_the_segment_of_data_tells_how_go_built_it() {
        let data = written("go1.26.0", LINES);
        let len = data.len() as u64;
        let built = read(&elf(0, elf::EM_X86_64, &data, len));
        assert_eq!(built.go.unwrap().revision.unwrap().len(), 40);
        // A segment may say to be larger than its file.
        assert!(read(&elf(0, elf::EM_X86_64, &data, u64::MAX)).go.is_ok());
        let nothing = read(&elf(0, elf::EM_X86_64, b"no such thing", 13)).go.unwrap_err();
        assert_eq!(nothing, "it holds no Go build information");
        let script = read(b"#!/bin/sh\n").go.unwrap_err();
        assert_eq!(script, "it is neither an ELF nor a Mach-O file");
    }

    proptest! {
        #[test]
        fn a_damaged_program_tells_less_and_nothing_panics(at in 0_usize..200, byte: u8, end in 0_usize..900) {
            let mut file = elf(0, elf::EM_X86_64, &written("go1.26.0", LINES), 700);
            file[at] = byte;
            file.truncate(end.max(1));
            let _ = read(&file);
        }
    }
}
