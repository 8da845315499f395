//! A plugin on disk: looked at, held against its evidence, and tested where it can be run here.

use std::{ffi::OsStr, fs, io, path::Path, sync::Arc};

use bytes::Bytes;
use counterfoil_core::{
    release::{
        self, Artefact as Stated, ArtefactFacts, Digests, Known, ManifestFacts, Member, Platform, Plugin,
        Presence, Tested,
    },
    rpc::Method,
    scenario,
    trace::{Event, Trace},
};
use counterfoil_mock::{Profile, manifest};
use counterfoil_proto::Revision;

use super::{
    Bench, Stopped, is_settled, memory,
    memory::Entry,
    tested::{Paper, build, kept_build, of_itself},
};
use crate::{
    evidence::{self, Artefact, Built, Evidence, Kind, hash_of},
    explore,
    profiles::{self, NotFound},
    run::{
        Filter, Job, PluginUnderTest, RealPlugin, Target, Untraced, Variant, WfctlUnderTest,
        jobs_for_provider, traced,
    },
    subject::{Preparation, Subject, script},
};

/// The scenario that loads a plugin and looks at what it says of itself.
const LOADS: &str = "load-and-leave";

/// The rule by which a plugin declares v2, from 0.57 on.
const DECLARES_V2: &str = "CAP-006";

/// The plan by which the path is seen that an engine takes.
const PATH: &str = "id: path-taken\ntitle: Which way an engine takes to a plugin\n\
                    plan: { actions: [create: { name: counterfoil, type: infra.vpc }] }\n";

/// Why a path is not known, where no engine is given that could take it.
const NO_ENGINE: &str = "`engine.binary` does not name the real command line";

/// One artefact of a plugin.
pub(super) struct Piece<'a> {
    /// Its plugin.
    pub plugin: &'a Member,
    /// What it is for; none of what was there before.
    pub platform: Option<Platform>,
    /// The number of its plugin in the release.
    pub of: usize,
    stated: &'a Stated,
}

/// What was found out about one.
pub(super) struct Looked {
    pub facts: ArtefactFacts,
    /// Whether it was found out anew.
    pub anew: bool,
    /// What it depends on, where it may be kept.
    pub key: Option<String>,
    /// The same of the path that the engine takes to it.
    pub path_key: Option<String>,
}

/// What a plugin is, without unpacking it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Print {
    /// An archive, by its digest.
    Archive(String),
    /// A directory or a program, by the digests of program and manifest.
    Directory(String, Option<String>),
    /// A stand-in, by all that makes it.
    StandIn(String),
}

impl Piece<'_> {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        match &self.platform {
            Some(platform) => format!("{} for {platform}", self.plugin.name),
            None => format!("{} as it was before", self.plugin.name),
        }
    }
}

impl Print {
    fn words(&self) -> [&str; 3] {
        match self {
            Self::Archive(digest) => ["archive", digest, ""],
            Self::Directory(program, manifest) => {
                ["directory", program, manifest.as_deref().unwrap_or_default()]
            }
            Self::StandIn(all) => ["stand-in", all, ""],
        }
    }

    /// Whether a plugin that was brought to where it can be started is this one.
    fn is_of(&self, subject: &Subject) -> bool {
        match (self, &subject.archive) {
            (Self::Archive(digest), Some(archive)) => *digest == archive.digest,
            (Self::Directory(..), None) => *self == of_directory(subject),
            (Self::StandIn(_), None) => true,
            _ => false,
        }
    }
}

fn of_directory(subject: &Subject) -> Print {
    let Artefact { program, manifest, .. } = Artefact::plugin(subject);
    Print::Directory(program, manifest)
}

impl<'a> Bench<'a> {
    /// The artefacts of all plugins: one for each platform, and what was there before.
    pub(super) fn pieces(&self) -> Vec<Piece<'a>> {
        let plugins = self.setting.release.plugins.iter().enumerate();
        let pieces = plugins.flat_map(|(of, plugin)| {
            let stated = plugin.platforms.iter().map(|(platform, stated)| (Some(platform.clone()), stated));
            let all = stated.chain(plugin.previous.iter().map(|stated| (None, stated)));
            all.map(move |(platform, stated)| Piece { plugin, platform, of, stated })
        });
        pieces.collect()
    }
}

impl Bench<'_> {
    /// Finds out what there is to know about an artefact. `wfctl` is the real command line, with the digest of its program
    /// where its verdict may be kept.
    pub(super) async fn piece(
        &self,
        number: usize,
        piece: &Piece<'_>,
        wfctl: Option<&(WfctlUnderTest, Option<String>)>,
    ) -> Result<Looked, Stopped> {
        let paper = piece.stated.evidence.as_deref().map(Paper::read);
        let unknown = |facts| Ok(Looked { facts, anew: false, key: None, path_key: None });
        let Some(plugin) = &piece.stated.plugin else {
            return unknown(match &paper {
                Some(paper) => self.by_evidence(piece, paper),
                None => ArtefactFacts::unknown(Presence::NotStated, "no artefact is stated"),
            });
        };
        let print = match self.print(plugin) {
            Ok(print) => print,
            Err(presence) => return unknown(not_there(presence)),
        };
        let digest = paper.as_ref().map(|paper| paper.digest.as_deref().unwrap_or("unreadable"));
        let name = piece.name();
        let platform = piece.platform.as_ref().map_or("before".to_owned(), Platform::to_string);
        let key = self.key(print.words().into_iter().chain([&*platform, digest.unwrap_or("tested here")]));
        let kept = Entry::of(self.setting.memory.kept().artefacts.get(&name), &key);
        let path_key = wfctl.and_then(|(_, digest)| Some(memory::key([&*key, digest.as_ref()?])));
        let kept_path =
            path_key.as_ref().and_then(|key| Entry::of(self.setting.memory.kept().paths.get(&name), key));

        let mut subject = None;
        let mut anew = kept.is_none();
        let mut facts = match kept {
            Some(facts) => facts,
            None => {
                let prepared = match self.prepare(number, plugin).await? {
                    Ok(prepared) => prepared,
                    Err(why) => return unknown(not_there(Presence::Unreadable(why))),
                };
                let mut facts = looked_at(&prepared);
                if let (Plugin::Profile(_), true) = (plugin, facts.presence == Presence::There) {
                    facts.stand_in = true;
                    // It stands in for what is built for that platform, wherever it runs.
                    facts.built_for = Known::Known(piece.platform.as_ref().unwrap_or(&self.here).clone());
                }
                if paper.is_none() {
                    facts.tested = self.test(&name, piece, &facts, &prepared).await?;
                }
                subject = Some(prepared);
                facts
            }
        };
        if let Some(paper) = &paper {
            let artefact = facts.digests.known().map(|digests| Artefact {
                program: digests.program.clone(),
                archive: digests.archive.clone(),
                manifest: digests.manifest.clone(),
            });
            facts.tested = self.held(paper, &[Kind::Provider], artefact.as_ref(), &self.required(piece));
        }
        if let Some((wfctl, _)) =
            wfctl.filter(|_| piece.platform.is_some() && self.cannot_run(piece, &facts).is_none())
        {
            facts.driven = match kept_path {
                Some(path) => Known::Known(path),
                None => {
                    anew = true;
                    if subject.is_none() {
                        subject = match self.prepare(number, plugin).await? {
                            Ok(prepared) => Some(prepared),
                            Err(why) => return unknown(not_there(Presence::Unreadable(why))),
                        };
                    }
                    match &subject {
                        Some(subject) => self.patiently(&name, self.path(wfctl, subject)).await?,
                        None => Known::Unknown("it is not there any more".to_owned()),
                    }
                }
            };
        }
        let is_same = subject.as_ref().is_none_or(|subject| print.is_of(subject));
        // A script says nothing of what it starts, which may change without it.
        let is_whole = facts.stand_in || facts.built_for.known().is_some();
        let key = Some(key).filter(|_| is_same && is_whole && is_settled(&facts.tested));
        Ok(Looked { facts, anew, path_key: path_key.filter(|_| key.is_some()), key })
    }

    /// What it is, or why that cannot be told.
    fn print(&self, plugin: &Plugin) -> Result<Print, Presence> {
        let of = |path: &Path, read: &dyn Fn() -> Result<Print, String>| match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Presence::Missing(path.display().to_string()))
            }
            Err(error) => Err(Presence::Unreadable(format!("{} cannot be read: {error}", path.display()))),
            Ok(_) => read().map_err(Presence::Unreadable),
        };
        match plugin {
            Plugin::Archive(path) => of(path, &|| {
                let digest =
                    hash_of(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
                digest.map(Print::Archive)
            }),
            Plugin::Directory(path) => of(path, &|| {
                let subject = Subject::open(path).map_err(|error| error.to_string())?;
                Ok(of_directory(&subject))
            }),
            Plugin::Profile(named) => {
                let found = profiles::find(named).map_err(|why| Presence::Unreadable(told(why)))?;
                // The program that serves it is ours, which another build replaces without a new version.
                let ours =
                    fs::metadata(self.setting.program).and_then(|ours| Ok((ours.len(), ours.modified()?)));
                let all = format!("{:?} {ours:?} {}", found.profile, env!("CARGO_PKG_VERSION"));
                Ok(Print::StandIn(memory::key([&*all, &*manifest::text(&found.profile)])))
            }
        }
    }

    /// Brings it to where it can be started, in a room of its own.
    async fn prepare(&self, number: usize, plugin: &Plugin) -> Result<Result<Subject, String>, Stopped> {
        let room = self.setting.room.join(number.to_string());
        if let Err(error) = fs::create_dir(&room) {
            return Ok(Err(format!("no room can be made for it at {}: {error}", room.display())));
        }
        let directory = match plugin {
            Plugin::Archive(path) | Plugin::Directory(path) => path.clone(),
            Plugin::Profile(named) => match self.stand_in(named, &room) {
                Ok(directory) => directory,
                Err(why) => return Ok(Err(why)),
            },
        };
        let preparation = Preparation { build: None, room: &room, stop: self.setting.stop };
        match Subject::prepare(&directory, preparation).await {
            Ok(subject) => Ok(Ok(subject)),
            Err(error) if error.is_stopped() => Err(Stopped),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    fn stand_in(&self, named: &str, room: &Path) -> Result<std::path::PathBuf, String> {
        let found = profiles::find(named).map_err(told)?;
        let which = [OsStr::new("--profile"), &found.named];
        let text = manifest::text(&found.profile);
        script::lay_out_mock(room, self.setting.program, &found.profile.plugin, text, which)
            .map_err(|error| error.to_string())
    }

    /// Why it cannot be run on this machine, if so.
    fn cannot_run(&self, piece: &Piece<'_>, facts: &ArtefactFacts) -> Option<String> {
        let here = &self.here;
        let platform = piece.platform.as_ref().unwrap_or(here);
        if facts.stand_in {
            return None;
        }
        match &facts.built_for {
            _ if platform != here => Some(format!(
                "it is for {platform}, and this machine is {here}: evidence of a test there would tell"
            )),
            Known::Known(other) if other != here => {
                Some(format!("its program was built for {other}, and this machine is {here}"))
            }
            _ => None,
        }
    }

    /// The runs that have to be judged of it: those at the revision of the release; of what was there before, its load alone.
    fn required(&self, piece: &Piece<'_>) -> Vec<Job> {
        let filter = if piece.platform.is_some() { Ok(Filter::default()) } else { Filter::new([LOADS]) };
        let jobs = jobs_for_provider(&self.scenarios, &filter.unwrap_or_default(), &self.revision.into());
        Self::at_target(jobs, self.revision)
    }

    /// Tests it, where it can be run on this machine.
    async fn test(
        &self,
        name: &str,
        piece: &Piece<'_>,
        facts: &ArtefactFacts,
        subject: &Subject,
    ) -> Result<Known<Tested>, Stopped> {
        if let Some(why) = self.cannot_run(piece, facts) {
            return Ok(Known::Unknown(why));
        }
        let test = async {
            let mut tested = match self.tested(subject, self.required(piece)).await? {
                Ok(evidence) => self.made_here(&evidence),
                Err(why) => return Ok(Known::Unknown(why)),
            };
            if self.revision != Revision::V0_57 {
                let filter = Filter::new([LOADS]).unwrap_or_default();
                let jobs = jobs_for_provider(&self.scenarios, &filter, &Revision::V0_57.into());
                let loaded = self.tested(subject, jobs).await?;
                // No more of it counts than what the plugin declares: the contract of the release is another.
                let declares = loaded.ok().map(|evidence| self.made_here(&evidence));
                if let Some(state) = declares.and_then(|tested| tested.rule(DECLARES_V2)) {
                    tested.rules.insert(DECLARES_V2.to_owned(), state);
                }
            }
            Ok(Known::Known(tested))
        };
        self.patiently(name, test).await?
    }

    async fn tested(&self, subject: &Subject, jobs: Vec<Job>) -> Result<Result<Evidence, String>, Stopped> {
        let known = evidence::Subject::plugin(subject);
        let plugin =
            known.and_then(|known| Ok((known, PluginUnderTest::offline(subject, config_of(subject))?)));
        let (known, plugin) = match plugin {
            Ok(both) => both,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let target = Target::Plugin(Arc::new(plugin));
        self.run((known, &subject.program), target, jobs, std::num::NonZeroUsize::MIN).await
    }

    /// Which way the real command line takes to it, by what passes the proxy between the two.
    async fn path(&self, wfctl: &WfctlUnderTest, subject: &Subject) -> Known<release::Path> {
        let Some(provider) = subject.provider_name() else {
            let why = "its plugin.json tells no capabilities.iacProvider.name, by which the engine finds it (E-235)";
            return Known::Unknown(why.to_owned());
        };
        let config = config_of(subject);
        let offer = match PluginUnderTest::offline(subject, config.clone()) {
            Ok(plugin) => explore::offer(&Target::Plugin(Arc::new(plugin)), String::new()).await,
            Err(error) => Err(error.to_string()),
        };
        let resource_type = match offer.map(|offer| offer.types.into_iter().next()) {
            Ok(Some(resource_type)) => resource_type,
            Ok(None) => return Known::Unknown("it does not tell its types".to_owned()),
            Err(why) => return Known::Unknown(why),
        };
        let plugin = RealPlugin {
            directory: subject.directory.clone(),
            provider,
            config: serde_json::from_slice(&config).unwrap_or_default(),
            resource_type,
            live: false,
        };
        let wfctl = WfctlUnderTest { plugin: Some(plugin), ..wfctl.clone() };
        let scenario = scenario::parse("path-taken.yaml", PATH.as_bytes()).expect("it is in order");
        let job = Job { scenario: Arc::new(scenario), revision: self.revision };
        match traced(&job, &Target::Wfctl(Arc::new(wfctl)), &Variant::Reference).await {
            Ok(trace) => taken(&trace),
            Err(Untraced::Skipped(_, why) | Untraced::Failed(why)) => Known::Unknown(why),
        }
    }

    /// What evidence says of an artefact that is not there.
    fn by_evidence(&self, piece: &Piece<'_>, paper: &Paper) -> ArtefactFacts {
        let tested = self.held(paper, &[Kind::Provider], None, &self.required(piece));
        let evidence = match &paper.read {
            Ok(evidence) if evidence.subject.kind == Kind::Provider => evidence,
            _ => {
                let unknown = ArtefactFacts::unknown(Presence::EvidenceAlone, "its evidence does not tell");
                return ArtefactFacts { tested, ..unknown };
            }
        };
        let subject = &evidence.subject;
        let Artefact { program, archive, manifest } = of_itself(evidence);
        let built_for = subject.program.platform.as_ref().map(platform);
        ArtefactFacts {
            presence: Presence::EvidenceAlone,
            stand_in: false,
            digests: Known::Known(Digests { program, archive, manifest }),
            built_for: built_for.map_or_else(|| Known::Unknown(NO_HEADER.to_owned()), Known::Known),
            manifest: Known::Known(ManifestFacts {
                name: Some(subject.name.clone()),
                version: subject.version.clone(),
                min_engine_version: subject.min_engine_version.clone(),
            }),
            build: kept_build(&subject.program.go),
            tested,
            driven: Known::Unknown(
                "evidence alone is given, and nothing that an engine could drive".to_owned(),
            ),
        }
    }
}

/// Why it is not known what a program was built for.
const NO_HEADER: &str = "its program has no header that tells";

fn not_there(presence: Presence) -> ArtefactFacts {
    let why = match &presence {
        Presence::Missing(path) => format!("there is no {path}"),
        Presence::Unreadable(why) => why.clone(),
        Presence::NotStated | Presence::EvidenceAlone | Presence::There => String::new(),
    };
    ArtefactFacts::unknown(presence, &why)
}

fn told(not_found: NotFound) -> String {
    match not_found {
        NotFound::Unknown(text) => text,
        NotFound::Nowhere(error) => format!("the current directory is not known: {error}"),
        NotFound::Unusable(unusable) => {
            let first = unusable.diagnostics.first().map(|mistake| mistake.message.clone());
            format!("{} is no profile: {}", unusable.source.0, first.unwrap_or_default())
        }
    }
}

/// What can be seen of a plugin without running it.
fn looked_at(subject: &Subject) -> ArtefactFacts {
    let Artefact { program, archive, manifest } = Artefact::plugin(subject);
    let built = Built::read(&subject.program);
    let (built_for, go) = match built {
        Ok(Built { platform: Some(known), go }) => (Known::Known(platform(&known)), go),
        Ok(Built { platform: None, go }) => (Known::Unknown(NO_HEADER.to_owned()), go),
        Err(error) => (Known::Unknown(error.to_string()), Err(error.to_string())),
    };
    let said = match &subject.manifest {
        Some(manifest) => match (manifest.error(), &manifest.text) {
            (Some(error), _) => Known::Unknown(error.to_string()),
            (None, None) => Known::Unknown("it has no plugin.json".to_owned()),
            (None, Some(_)) => Known::Known(ManifestFacts {
                name: manifest.name.clone(),
                version: manifest.version.clone(),
                min_engine_version: manifest.min_engine_version.clone(),
            }),
        },
        None => Known::Unknown("it has no plugin.json".to_owned()),
    };
    ArtefactFacts {
        presence: Presence::There,
        stand_in: false,
        digests: Known::Known(Digests { program, archive, manifest }),
        built_for,
        manifest: said,
        build: go.map_or_else(Known::Unknown, |go| Known::Known(build(&go))),
        tested: Known::Unknown("it was not tested".to_owned()),
        driven: Known::Unknown(NO_ENGINE.to_owned()),
    }
}

fn platform(known: &evidence::Platform) -> Platform {
    Platform { os: known.os.clone(), arch: known.arch.clone() }
}

/// What it is initialized with: the placeholder of the profile that is known for a plugin of this name, which reaches no cloud.
fn config_of(subject: &Subject) -> Bytes {
    let name = subject.manifest.as_ref().and_then(|manifest| manifest.name.as_deref());
    let profile = Profile::for_plugin(name.unwrap_or(&subject.name));
    profile.map_or_else(Bytes::new, |profile| profile.placeholder().to_string().into())
}

/// Which way was taken, by the calls of an apply.
fn taken(trace: &Trace) -> Known<release::Path> {
    let calls = |wanted: Method| {
        trace
            .events
            .iter()
            .any(|event| matches!(event, Event::CallIssued { method, .. } if *method == wanted))
    };
    let refused = trace.events.iter().find_map(|event| match event {
        Event::LoadFailed { error, .. } => Some(error),
        _ => None,
    });
    match (calls(Method::Apply), calls(Method::Create), refused) {
        (true, _, _) => Known::Known(release::Path::Apply),
        (false, true, _) => Known::Known(release::Path::V2),
        (false, false, Some(error)) => Known::Unknown(format!("the engine refuses it: {error}")),
        (false, false, None) => Known::Unknown("the engine came to no call of it".to_owned()),
    }
}
