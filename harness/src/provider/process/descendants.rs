//! The processes below another one, and how to end them all.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A process, as the system tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: u32,
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// It has ended, and its parent has not asked how.
    pub zombie: bool,
    pub name: String,
}

/// Every process. None on systems without `/proc`.
pub(super) fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        // It may be gone by now.
        .filter_map(|pid| fs::read(format!("/proc/{pid}/stat")).ok())
        .filter_map(|stat| parse(&String::from_utf8_lossy(&stat)))
        .collect()
}

/// Reads `pid (name) state parent group …`; the name may hold anything.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let zombie = matches!(fields.next()?, "Z" | "X");
    let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Process { pid: pid.parse().ok()?, parent, group, zombie, name: name.to_owned() })
}

/// What lives below `roots`, these not included.
pub(super) fn below(roots: &[u32]) -> Vec<Process> {
    let mut children: HashMap<u32, Vec<Process>> = HashMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let (mut found, mut from) = (Vec::new(), roots.to_vec());
    while let Some(parent) = from.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            from.push(child.pid);
            found.push(child);
        }
    }
    found.retain(|process| !process.zombie);
    found
}

/// The resident size of a process and of what lives below it, in bytes. None where the system does not tell.
pub(super) fn resident(root: u32) -> Option<u64> {
    let own = resident_alone(root)?;
    // What has ended by now holds nothing.
    Some(own + below(&[root]).iter().filter_map(|process| resident_alone(process.pid)).sum::<u64>())
}

fn resident_alone(pid: u32) -> Option<u64> {
    resident_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Reads `VmRSS:   1234 kB` among the lines that tell of a process.
fn resident_in(status: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    size.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The processes whose environment holds this variable with this value, and what lives below them.
pub(super) fn marked(name: &str, value: &[u8]) -> Vec<Process> {
    let entry = [name.as_bytes(), b"=", value].concat();
    let carries = |process: &Process| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == entry)
    };
    let mut marked: Vec<Process> =
        all().into_iter().filter(|process| !process.zombie && carries(process)).collect();
    let known: BTreeSet<u32> = marked.iter().map(|process| process.pid).collect();
    let roots: Vec<u32> = known.iter().copied().collect();
    marked.extend(below(&roots).into_iter().filter(|process| !known.contains(&process.pid)));
    marked
}

/// Kills what `alive` lists until it lists nothing, or until the time is over. Returns all that were killed.
///
/// They are stopped before they are killed, so that none of them brings forth another in the meantime.
pub(super) fn kill_all(mut alive: impl FnMut() -> Vec<Process>, within: Duration) -> Vec<Process> {
    let until = Instant::now() + within;
    let mut killed: Vec<Process> = Vec::new();
    loop {
        let mut stopped: Vec<Process> = Vec::new();
        loop {
            let mut fresh = alive();
            fresh.retain(|process| stopped.iter().all(|other| other.pid != process.pid));
            if fresh.is_empty() || Instant::now() > until {
                break;
            }
            for process in &fresh {
                send(process.pid, Signal::STOP);
            }
            stopped.append(&mut fresh);
        }
        if stopped.is_empty() || Instant::now() > until {
            return killed;
        }
        for process in &stopped {
            send(process.pid, Signal::KILL);
        }
        stopped.retain(|process| killed.iter().all(|other| other.pid != process.pid));
        killed.append(&mut stopped);
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Sends a signal. A process that is gone has nothing to fear from it.
pub(super) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = pid_of(pid) {
        let _ = kill_process(pid, signal);
    }
}

pub(super) fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Whether a process has one of these files open, each named as links in `/proc/PID/fd` do.
pub(super) fn holds(pid: u32, files: &[String]) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| link(&entry.path()).ok()).any(|file| files.contains(&file))
}

/// What a link in `/proc/PID/fd` names.
pub(super) fn link(path: &Path) -> io::Result<String> {
    Ok(fs::read_link(path)?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_bytes_where_there_is_one() {
        let status = "Name:\tplugin\nVmSize:\t    9000 kB\nVmRSS:\t    1200 kB\nThreads:\t4\n";
        assert_eq!(resident_in(status), Some(1200 * 1024));
        assert_eq!(resident_in("Name:\tkthreadd\n"), None);
        assert_eq!(resident_in("VmRSS:\t many kB\n"), None);
    }

    #[test]
    fn a_name_may_hold_what_separates_fields() {
        let process = parse("17 (a) b (c) S 1 16 16 0 -1").unwrap();
        assert_eq!((process.pid, process.parent, process.group), (17, 1, 16));
        assert_eq!(process.name, "a) b (c");
        assert!(!process.zombie);
        assert!(parse("18 (x) Z 1 18 18").unwrap().zombie);
        assert_eq!(parse("no process"), None);
    }
}
