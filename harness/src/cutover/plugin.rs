//! A plugin on disk: looked at, held against its evidence, and tested where it can be run here.

use std::{
    ffi::OsStr,
    fmt::Display,
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use counterfoil_core::{
    release::{
        self, Artefact as Stated, ArtefactFacts, Build, Digests, Known, ManifestFacts, Member, Platform,
        Plugin, Presence, Tested,
    },
    rpc::Method,
    scenario,
    trace::first_reply,
};
use counterfoil_mock::{Profile, manifest};
use counterfoil_proto::{Revision, iac};
use prost::Message as _;

use super::{
    Bench, Stopped, is_settled, memory,
    memory::Entry,
    tested::{Paper, build, kept_build, of_itself},
};
use crate::{
    evidence::{self, Artefact, Built, Evidence, Kind, hash_of},
    profiles::{self, Found},
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

/// An artefact, and a room to bring it to where it can be started.
struct Place<'a> {
    room: PathBuf,
    plugin: &'a Plugin,
    /// What was brought there.
    subject: Option<Subject>,
}

/// Why nothing was found out.
enum Missed {
    Stopped,
    NotThere(Presence),
}

impl From<Stopped> for Missed {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl Looked {
    /// What is found out each time.
    fn for_once(facts: ArtefactFacts) -> Self {
        Self { facts, anew: false, key: None, path_key: None }
    }
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
    /// where its verdict may be kept. The number is that of a room.
    pub(super) async fn piece(
        &self,
        number: usize,
        piece: &Piece<'_>,
        wfctl: Option<&(WfctlUnderTest, Option<String>)>,
    ) -> Result<Looked, Stopped> {
        let paper = piece.stated.evidence.as_deref().map(Paper::read);
        let looked = match (&piece.stated.plugin, &paper) {
            (Some(plugin), paper) => {
                let place = Place { room: self.room.join(number.to_string()), plugin, subject: None };
                self.look(piece, place, paper.as_ref(), wfctl).await
            }
            (None, Some(paper)) => Ok(Looked::for_once(self.by_evidence(piece, paper))),
            (None, None) => Err(Missed::NotThere(Presence::NotStated)),
        };
        match looked {
            Ok(looked) => Ok(looked),
            Err(Missed::NotThere(presence)) => Ok(Looked::for_once(not_there(presence))),
            Err(Missed::Stopped) => Err(Stopped),
        }
    }

    async fn look(
        &self,
        piece: &Piece<'_>,
        mut place: Place<'_>,
        paper: Option<&Paper>,
        wfctl: Option<&(WfctlUnderTest, Option<String>)>,
    ) -> Result<Looked, Missed> {
        let (name, kept) = (piece.name(), self.setting.memory.kept());
        let print = self.print(place.plugin)?;
        let platform = piece.platform.as_ref().map_or("before".to_owned(), Platform::to_string);
        let by = paper.map_or("tested here", Paper::key);
        let key = self.key(print.words().into_iter().chain([&*platform, by]));
        let path_key = wfctl.and_then(|(_, digest)| Some(memory::key([&*key, digest.as_ref()?])));
        let before = Entry::of(kept.artefacts.get(&name), &key);
        let path_before = path_key.as_ref().and_then(|key| Entry::of(kept.paths.get(&name), key));

        let mut anew = before.is_none();
        let mut facts =
            if let Some(before) = before { before } else { self.found_out(piece, &mut place, paper).await? };
        if let Some(paper) = paper {
            let artefact = facts.digests.known().map(|digests| Artefact {
                program: digests.program.clone(),
                archive: digests.archive.clone(),
                manifest: digests.manifest.clone(),
            });
            facts.tested = self.held(paper, &[Kind::Provider], artefact.as_ref(), &self.required(piece));
        }
        let runs_here = piece.platform.is_some() && self.cannot_run(piece, &facts).is_none();
        if let Some((wfctl, _)) = wfctl.filter(|_| runs_here) {
            facts.driven = if let Some(path) = path_before {
                Known::Known(path)
            } else {
                anew = true;
                let subject = self.prepared(&mut place).await?;
                self.patiently(&name, self.path(wfctl, subject)).await?
            };
        }
        let is_same = place.subject.as_ref().is_none_or(|subject| print.is_of(subject));
        // A script says nothing of what it starts, which may change without it.
        let is_whole = facts.stand_in || facts.built_for.known().is_some();
        let key = Some(key).filter(|_| is_same && is_whole && is_settled(&facts.tested));
        Ok(Looked { facts, anew, path_key: path_key.filter(|_| key.is_some()), key })
    }

    /// Looks at an artefact, and tests it where nothing else tells what that would.
    async fn found_out(
        &self,
        piece: &Piece<'_>,
        place: &mut Place<'_>,
        paper: Option<&Paper>,
    ) -> Result<ArtefactFacts, Missed> {
        let plugin = place.plugin;
        let subject = self.prepared(place).await?;
        let mut facts = looked_at(subject);
        if let Plugin::Profile(named) = plugin {
            facts.stand_in = true;
            facts.build = built_from(named);
            // It stands in for what is built for that platform, wherever it runs.
            facts.built_for = Known::Known(piece.platform.as_ref().unwrap_or(&self.here).clone());
        }
        if paper.is_none() {
            facts.tested = self.test(piece, &facts, subject).await?;
        }
        Ok(facts)
    }

    /// What it is, or why that cannot be told.
    fn print(&self, plugin: &Plugin) -> Result<Print, Missed> {
        match plugin {
            Plugin::Archive(path) => {
                is_there(path)?;
                let digest =
                    hash_of(path).map_err(|error| unreadable(format!("{}: {error}", path.display())))?;
                Ok(Print::Archive(digest))
            }
            Plugin::Directory(path) => {
                is_there(path)?;
                Ok(of_directory(&Subject::open(path).map_err(unreadable)?))
            }
            Plugin::Profile(named) => {
                let profile = found(named)?.profile;
                // The program that serves it is ours, which another build replaces without a new version.
                let ours =
                    fs::metadata(self.setting.program).and_then(|ours| Ok((ours.len(), ours.modified()?)));
                let all = format!("{profile:?} {ours:?} {}", env!("CARGO_PKG_VERSION"));
                Ok(Print::StandIn(memory::key([&*all, &*manifest::text(&profile)])))
            }
        }
    }

    /// Brings an artefact to where it can be started, unless it is there already.
    async fn prepared<'p>(&self, place: &'p mut Place<'_>) -> Result<&'p Subject, Missed> {
        let subject = match place.subject.take() {
            Some(subject) => subject,
            None => self.prepare(place).await?,
        };
        Ok(place.subject.insert(subject))
    }

    async fn prepare(&self, Place { room, plugin, .. }: &Place<'_>) -> Result<Subject, Missed> {
        fs::create_dir(room).map_err(|error| {
            unreadable(format!("no room can be made for it at {}: {error}", room.display()))
        })?;
        let path = match plugin {
            Plugin::Archive(path) | Plugin::Directory(path) => path.clone(),
            Plugin::Profile(named) => {
                let Found { profile, named } = found(named)?;
                let (which, text) = ([OsStr::new("--profile"), &named], manifest::text(&profile));
                script::lay_out_mock(room, self.setting.program, &profile.plugin, text, which)
                    .map_err(unreadable)?
            }
        };
        let preparation = Preparation { build: None, room, stop: self.stop };
        Subject::prepare(&path, preparation)
            .await
            .map_err(|error| if error.is_stopped() { Missed::Stopped } else { unreadable(error) })
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
        piece: &Piece<'_>,
        facts: &ArtefactFacts,
        subject: &Subject,
    ) -> Result<Known<Tested>, Stopped> {
        if let Some(why) = self.cannot_run(piece, facts) {
            return Ok(Known::Unknown(why));
        }
        let test = async {
            let mut tested = match self.tested(subject, self.required(piece)).await? {
                Ok(evidence) => {
                    self.keep(&piece.name(), &evidence);
                    self.made_here(&evidence)
                }
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
        self.patiently(&piece.name(), test).await?
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
        self.run((known, &subject.program), target, jobs, NonZeroUsize::MIN).await
    }

    /// Which way the real command line takes to it, by what passes the proxy between the two.
    async fn path(&self, wfctl: &WfctlUnderTest, subject: &Subject) -> Known<release::Path> {
        let Some(provider) = subject.provider_name() else {
            let why = "its plugin.json tells no capabilities.iacProvider.name, by which the engine finds it (E-235)";
            return Known::Unknown(why.to_owned());
        };
        let resource_type = match self.first_type(subject).await {
            Ok(resource_type) => resource_type,
            Err(why) => return Known::Unknown(why),
        };
        let plugin = RealPlugin {
            directory: subject.directory.clone(),
            provider,
            config: serde_json::from_slice(&config_of(subject)).unwrap_or_default(),
            resource_type,
            live: false,
        };
        let wfctl = WfctlUnderTest { plugin: Some(plugin), ..wfctl.clone() };
        let scenario = scenario::parse("path-taken.yaml", PATH.as_bytes()).expect("it is in order");
        let job = Job { scenario: Arc::new(scenario), revision: self.revision };
        let (calls, ended) = match wfctl.calls(&job).await {
            Ok(known) => known,
            Err(why) => return Known::Unknown(why),
        };
        match (calls.contains(&Method::Apply), calls.contains(&Method::Create)) {
            (true, _) => Known::Known(release::Path::Apply),
            (false, true) => Known::Known(release::Path::V2),
            (false, false) => {
                Known::Unknown(format!("the engine calls nothing that would apply a plan: {ended}"))
            }
        }
    }

    /// The first type that a plugin declares, whether or not an engine of the release would go on with it.
    async fn first_type(&self, subject: &Subject) -> Result<String, String> {
        let plugin =
            PluginUnderTest::offline(subject, config_of(subject)).map_err(|error| error.to_string())?;
        let loads = self.scenarios.iter().find(|scenario| scenario.id == LOADS);
        let scenario = Arc::clone(loads.ok_or("there is no scenario that loads it")?);
        let job = Job { scenario, revision: self.revision };
        let traced = traced(&job, &Target::Plugin(Arc::new(plugin)), &Variant::Reference).await;
        let trace = traced.map_err(|(Untraced::Skipped(_, why) | Untraced::Failed(why))| why)?;
        let declared = first_reply(&trace.events, Method::Capabilities).unwrap_or_default();
        let declared = iac::CapabilitiesResponse::decode(declared).unwrap_or_default();
        let first = declared.capabilities.into_iter().next().map(|capability| capability.resource_type);
        first.ok_or_else(|| "it does not tell its types".to_owned())
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

/// What is known of an artefact that is not there.
fn not_there(presence: Presence) -> ArtefactFacts {
    let why = match &presence {
        Presence::Missing(path) => format!("there is no {path}"),
        Presence::Unreadable(why) => why.clone(),
        Presence::NotStated | Presence::EvidenceAlone | Presence::There => "no artefact is stated".to_owned(),
    };
    ArtefactFacts::unknown(presence, &why)
}

fn unreadable(why: impl Display) -> Missed {
    Missed::NotThere(Presence::Unreadable(why.to_string()))
}

fn is_there(path: &Path) -> Result<(), Missed> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() || found.is_dir() => Ok(()),
        // Reading of anything else might never end.
        Ok(_) => Err(unreadable(format!("{} is neither a file nor a directory", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Missed::NotThere(Presence::Missing(path.display().to_string())))
        }
        Err(error) => Err(unreadable(format!("{} cannot be read: {error}", path.display()))),
    }
}

/// The profile of a stand-in.
fn found(named: &str) -> Result<Found, Missed> {
    profiles::find(named).map_err(unreadable)
}

/// What a stand-in stands in for was built from, as its profile tells it.
fn built_from(named: &str) -> Known<Build> {
    match profiles::find(named).map(|found| found.profile.point.built) {
        Ok(Some(built)) => Known::Known(Build {
            revision: Some(built.commit),
            modified: Some(false),
            engine: Some(format!("v{}", built.engine)),
            ..Build::default()
        }),
        Ok(None) => Known::Unknown("its profile does not tell".to_owned()),
        Err(error) => Known::Unknown(error.to_string()),
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
