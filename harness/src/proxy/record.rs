//! The record of a proxy: the calls that went by, as a trace, written as they do.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, ErrorKind, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
};

use counterfoil_core::{
    rpc::Method,
    trace::{Event, Header, Reply, Subject, Writer},
};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;
use tokio::sync::oneshot;

use crate::subject::{
    config::{Config, Secrets},
    redact::{Redactor, redact_event},
};

/// How many events wait to be written at most, and how many bytes of messages in them. Behind a disk that is slower than
/// the calls, the record ends: nobody waits for it.
const WAITING: usize = 4_096;
const WAITING_BYTES: usize = 64 << 20;
/// How many files with names of their own are tried.
const FILES: u32 = 10_000;

/// A record that is being written. What stands in its way is told on standard error, and goes no further.
#[derive(Debug)]
pub(super) struct Record {
    /// None once it has come to its end.
    events: Mutex<Option<SyncSender<Event>>>,
    waiting: Arc<AtomicUsize>,
    path: PathBuf,
}

impl Record {
    /// Begins a record at `path`, or beside it where something is there already. What comes beside it is resolved when all is
    /// written.
    pub(super) fn begin(path: &Path, told: Told) -> (Self, oneshot::Receiver<()>) {
        let (events, incoming) = sync_channel(WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let (done, written) = oneshot::channel();
        let scribe = Scribe { path: path.to_owned(), told, waiting: Arc::clone(&waiting) };
        thread::spawn(move || {
            if let Err((path, error)) = scribe.write(&incoming) {
                tell(&path, &format!("cannot be written: {error}"));
            }
            let _ = done.send(());
        });
        let events = Mutex::new(Some(events));
        (Self { events, waiting, path: path.to_owned() }, written)
    }

    /// Enters an event.
    pub(super) fn push(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*events else { return };
        let bytes = size(&event);
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let is_too_slow = waiting > WAITING_BYTES
            || match sender.try_send(event) {
                Ok(()) => return,
                // Who wrote it has told why that came to an end.
                Err(TrySendError::Disconnected(_)) => false,
                Err(TrySendError::Full(_)) => true,
            };
        // A record with a gap would not tell the truth.
        if is_too_slow {
            tell(&self.path, "cannot be written as fast as calls are made, and ends here");
        }
        *events = None;
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What a record tells of secrets.
#[derive(Debug)]
pub(super) enum Told {
    /// All of them.
    Secrets,
    /// All but those of this environment, and of the configs of provider and resources, by their names.
    But(BTreeMap<String, String>),
}

/// Says something of a record, if anybody listens.
fn tell(path: &Path, what: &str) {
    let path = path.display();
    let _ = writeln!(
        io::stderr(),
        "counterfoil proxy: the record {path} {what}; the plugin is passed on all the same"
    );
}

/// How many bytes of messages an event holds.
fn size(event: &Event) -> usize {
    match event {
        Event::CallIssued { request, .. } => request.0.len(),
        Event::ReplySent { reply: Reply::Ok(reply), .. }
        | Event::ReplyReceived { reply: Reply::Ok(reply), .. } => reply.0.len(),
        _ => 0,
    }
}

/// Who writes a record.
struct Scribe {
    path: PathBuf,
    told: Told,
    waiting: Arc<AtomicUsize>,
}

impl Scribe {
    /// Writes until nothing more comes.
    fn write(self, events: &Receiver<Event>) -> Result<(), (PathBuf, io::Error)> {
        let (file, path) = create(&self.path).map_err(|error| (self.path.clone(), error))?;
        let with_path = |error| (path.clone(), error);
        let mut writer = Writer::begin(&file, &header()).map_err(with_path)?;
        let mut redactor = match &self.told {
            Told::Secrets => None,
            Told::But(environment) => Some(Redactor::of_environment(environment)),
        };
        for event in events {
            self.waiting.fetch_sub(size(&event), Ordering::Relaxed);
            let event = match &mut redactor {
                None => event,
                Some(redactor) => {
                    if let Some(learnt) = secrets_in(&event) {
                        redactor.learn(learnt);
                    }
                    redact_event(event, redactor)
                }
            };
            let whole = (&file).stream_position().map_err(with_path)?;
            if let Err(error) = writer.event(&event) {
                // Half a line makes nothing of a record that can be read.
                let _ = file.set_len(whole);
                return Err(with_path(error));
            }
        }
        Ok(())
    }
}

/// What knows the secrets of the config that a request gives, by the names of its keys.
fn secrets_in(event: &Event) -> Option<Redactor> {
    let Event::CallIssued { method, request, .. } = event else { return None };
    let config = match method {
        Method::Initialize => iac::InitializeRequest::decode(request.0.clone()).ok()?.config_json,
        Method::Create => iac::ResourceCreateRequest::decode(request.0.clone()).ok()?.spec?.config_json,
        Method::Update => iac::ResourceUpdateRequest::decode(request.0.clone()).ok()?.spec?.config_json,
        _ => return None,
    };
    let config = serde_json::from_slice(&config).ok()?;
    Some(Config::new(&config, Secrets::default(), &BTreeMap::new()).ok()?.redactor)
}

/// A new file of this name, or of one like it: a host starts a plugin more than once.
fn create(path: &Path) -> io::Result<(File, PathBuf)> {
    let named = |number: u32| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
        path.with_file_name(format!("{stem}-{number}{}", extension.unwrap_or_default()))
    };
    for number in 1..FILES {
        let path = if number == 1 { path.to_owned() } else { named(number) };
        match File::create_new(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The header of a record: what the host has planned cannot be seen from here.
pub(super) fn header() -> Header {
    Header { recorded: true, ..Header::bare("recorded", Revision::Head, Subject::Provider) }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use counterfoil_core::trace::{Payload, Trace};

    use super::*;

    fn initialize(config: &str) -> Event {
        let request = iac::InitializeRequest { config_json: config.as_bytes().to_vec().into() };
        Event::CallIssued {
            call: 0,
            action: None,
            method: Method::Initialize,
            resource: String::new(),
            request: Payload(request.encode_to_vec().into()),
        }
    }

    #[tokio::test]
    async fn a_record_is_a_trace_without_secrets_and_never_takes_the_place_of_another() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("record.jsonl");
        for expected in ["record.jsonl", "record-2.jsonl"] {
            let secrets = Told::But([("API_TOKEN".into(), "hush-hush".into())].into());
            let (record, written) = Record::begin(&path, secrets);
            record.push(initialize(r#"{"api_key":"s3cr3t-value"}"#));
            record.push(Event::ReplyReceived { call: 0, reply: Reply::Ok(Payload(b"hush-hush"[..].into())) });
            record.end();
            written.await.unwrap();
            let file = File::open(place.path().join(expected)).unwrap();
            let trace = Trace::load(BufReader::new(file)).unwrap();
            assert_eq!(trace.events.len(), 2);
            let Event::CallIssued { request, .. } = &trace.events[0] else { panic!() };
            assert!(String::from_utf8_lossy(&request.0).contains(r#""api_key":"************""#));
            let reply = Reply::Ok(Payload(b"*********"[..].into()));
            assert_eq!(trace.events[1], Event::ReplyReceived { call: 0, reply });
        }
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_written_is_in_nobodys_way() {
        let (record, written) = Record::begin(Path::new("/nowhere/record.jsonl"), Told::Secrets);
        written.await.unwrap();
        (0..10).for_each(|_| record.push(initialize("{}")));
        record.end();
    }
}
