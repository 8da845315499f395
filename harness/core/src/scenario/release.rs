//! Releases of several repositories at once: `release.yaml`, read with the same care as scenarios.
//!
//! What is refused here cannot be read as it was meant. Whether what can be read is in order is what the rules of the family
//! REL say.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    time::Duration,
};

use counterfoil_proto::Revision;
use semver::Version;
use serde_json::Value;

use super::{
    Diagnostic, Span,
    diagnostic::{Report, shown},
    file::{Id, document},
    known::Date,
    read::{
        At, List, OneKey, Read, Required, Table, Units, Word, mismatch_with, named_twice, schema_is, shape,
    },
    schema::schema_of,
    settings::{FilePath, Nonempty, Said},
    yaml,
};
use crate::{
    release::{
        Artefact, Bump, Confirmation, Engine, EngineSubject, Member, MemberSpans, Part, Platform, Plugin,
        Precondition, Release, Require, Source, State, Waiver,
    },
    rules,
};

shape! {
    /// A release of several repositories at once: an engine and its plugins. Paths are relative to this file.
    struct ReleaseShape as "Release" {
        /// A name for reports: lower-case letters, digits and `-`, at most 100.
        release: Required<Id>,
        /// What the release is about, in a sentence.
        title: Option<Said>,
        /// How far the plugins have to be tested: without a cloud, or against one too, of which evidence alone can tell.
        require: Required<Require>,
        /// How long it takes from one member's release to the next, such as `90m`. Left out: 3h.
        estimate: Option<Estimate>,
        /// The engine. A waiver calls it `workflow`.
        engine: Required<At<EngineShape>>,
        /// The plugins.
        #[schemars(length(min = 1))]
        plugins: Required<At<List<PluginShape>>>,
        /// What has to be true beside what can be checked.
        preconditions: Option<List<At<PreconditionShape>>>,
        /// What is let through although it does not hold, or is not known.
        waivers: Option<List<At<WaiverShape>>>,
    }
}

shape! {
    /// The engine. Without `binary`, `adapter` and `evidence` nothing is known of it but its version.
    struct EngineShape as "Engine" {
        /// Its repository. Left out: workflow.
        repository: Option<Said>,
        /// The version that is out there before the release, without a `v`.
        from: Required<At<Semver>>,
        /// The version that is to be out there after it, without a `v`.
        to: Required<At<Semver>>,
        /// Which part of the version goes up, and why.
        bump: Required<At<OneKey<Part, Said>>>,
        /// The commit that is released, or at least the first 7 digits of it.
        commit: Required<At<Commit>>,
        /// The tag of the release.
        tag: Required<At<Said>>,
        /// When it is released: the member with the smallest number first.
        order: Required<At<u32>>,
        /// How far its release is.
        state: Required<At<State>>,
        /// The tags of this member that were withdrawn before, each of them used up.
        withdrawn: Option<List<At<Said>>>,
        /// Its command line, wfctl.
        binary: Option<FilePath>,
        /// The program that speaks for it, and its arguments, as behind `test engine --`.
        #[schemars(length(min = 1))]
        adapter: Option<Nonempty<Said>>,
        /// Evidence of `test engine` or `test wfctl`.
        evidence: Option<FilePath>,
    }
}

shape! {
    /// A plugin.
    struct PluginShape as "Plugin" {
        /// Its name, as its manifest tells it.
        name: Required<At<PluginName>>,
        /// Its repository. Left out: its name.
        repository: Option<Said>,
        /// The version that is out there before the release, without a `v`.
        from: Required<At<Semver>>,
        /// The version that is to be out there after it, without a `v`.
        to: Required<At<Semver>>,
        /// Which part of the version goes up, and why.
        bump: Required<At<OneKey<Part, Said>>>,
        /// The commit that is released, or at least the first 7 digits of it.
        commit: Required<At<Commit>>,
        /// The tag of the release.
        tag: Required<At<Said>>,
        /// When it is released: the member with the smallest number first.
        order: Required<At<u32>>,
        /// How far its release is.
        state: Required<At<State>>,
        /// The tags of this member that were withdrawn before, each of them used up.
        withdrawn: Option<List<At<Said>>>,
        /// What is released for each platform, by its name in Go: `linux/amd64`.
        #[schemars(extend("minProperties" = 1, "propertyNames" = { "enum": PLATFORMS }))]
        platforms: Required<At<Table<At<ArtefactShape>>>>,
        /// What is out there before the release, for the machine on which this is judged.
        previous: Option<At<ArtefactShape>>,
        /// No key: a plugin has one for each platform.
        binary: Option<OfTheEngine>,
        /// No key: the engine alone is reached by one.
        adapter: Option<OfTheEngine>,
    }
}

shape! {
    /// A plugin for one platform: where it is, by at most one of `archive`, `directory` and `profile`, and what is known of its
    /// test.
    struct ArtefactShape as "Artefact" {
        /// A release archive.
        archive: Option<At<FilePath>>,
        /// A directory with the program and its plugin.json.
        directory: Option<At<FilePath>>,
        /// A stand-in, made of a profile: NAME, NAME@POINT, or a file of yours, PATH or PATH@POINT. For rehearsals.
        profile: Option<At<Said>>,
        /// Evidence of `test provider`. Left out: it is tested when the release is judged.
        evidence: Option<FilePath>,
    }
}

shape! {
    /// What has to be true beside what can be checked.
    struct PreconditionShape as "Precondition" {
        /// What.
        text: Required<Said>,
        /// Where it is written down.
        link: Option<Said>,
        /// Who says that it is so. Left out: nobody has.
        confirmed_by: Option<At<Said>>,
        /// On which day that was said, such as 2027-03-01.
        when: Option<At<Date>>,
    }
}

shape! {
    /// What is let through although it does not hold, or is not known.
    struct WaiverShape as "Waiver" {
        /// The rule, such as REL-010.
        check: Required<RelId>,
        /// The name of the member that it is about. Left out: every one.
        member: Option<At<Said>>,
        /// A part of what the check says, which tells it from others of the same rule. Left out: whatever it says.
        contains: Option<Said>,
        /// Why.
        reason: Required<Said>,
        /// Who lets it through.
        approver: Required<Said>,
        /// The last day on which it counts, such as 2027-03-01.
        expires: Required<Date>,
    }
}

/// What the engine is called.
const ENGINE: &str = "workflow";

/// How long it takes from one release to the next where nobody says it.
const USUAL_ESTIMATE: Duration = Duration::from_secs(3 * 60 * 60);

/// Reads a release. `file` is its path as it is shown; the paths in it are relative to `directory`. Whether the profiles
/// exist that it names is not known here.
///
/// # Errors
/// Every mistake of the file, in the order of their places. Mistakes of the YAML syntax hide the rest.
pub fn parse_release(file: &str, directory: &Path, bytes: &[u8]) -> Result<Release, Vec<Diagnostic>> {
    document(file, bytes, |root, report| {
        let Some(root) = root else {
            report
                .mistake("empty-file", Span::default(), "the file holds no release")
                .help("a release has at least `release`, `require`, `engine` and `plugins`");
            return None;
        };
        let source = Source { file: file.into(), text: String::from_utf8_lossy(bytes).into() };
        ReleaseShape::read(root, "", report)?.resolve(source, directory, report)
    })
}

/// The JSON Schema of a release, for editors.
pub fn release_schema() -> Value {
    schema_of::<ReleaseShape>("A release of an engine and its plugins")
}

impl ReleaseShape {
    fn resolve(mut self, source: Source, directory: &Path, report: &mut Report<'_>) -> Option<Release> {
        if let Some(At { value: List(plugins), span }) = &self.plugins.0
            && plugins.is_empty()
        {
            let mistake = report.mistake("empty-list", *span, "a release has at least one plugin");
            mistake.label("no plugin").help("give each with its `name`, `from` and `to`");
        }
        self.tell_members_apart(report);
        let waivers = self.resolve_waivers(report);
        let preconditions = self.preconditions.into_iter().flat_map(List::into_values);
        let preconditions: Vec<_> = preconditions.map(|at| at.value.resolve(at.span, report)).collect();
        let engine = self.engine.0.and_then(|at| at.value.resolve(at.span, directory, report));
        let plugins = self.plugins.0.into_iter().flat_map(|at| at.value.into_values());
        let plugins: Vec<_> = plugins.map(|plugin| plugin.resolve(directory, report)).collect();
        Some(Release {
            id: self.release.0?.into_inner(),
            title: self.title.map(Said::into_inner).unwrap_or_default(),
            require: self.require.0?,
            estimate: self.estimate.map_or(USUAL_ESTIMATE, |Estimate(time)| time),
            engine: engine?,
            plugins: plugins.into_iter().collect::<Option<_>>()?,
            preconditions: preconditions.into_iter().collect::<Option<_>>()?,
            waivers: waivers?,
            source,
        })
    }

    fn plugins(&self) -> impl Iterator<Item = &PluginShape> {
        self.plugins.0.iter().flat_map(|at| at.value.0.iter().flatten())
    }

    /// What the members are called.
    fn names(&self) -> impl Iterator<Item = &str> {
        let plugins = self.plugins().filter_map(|plugin| Some(plugin.name.0.as_ref()?.value.0.as_str()));
        std::iter::once(ENGINE).chain(plugins)
    }

    /// None where one of them cannot be read.
    fn resolve_waivers(&mut self, report: &mut Report<'_>) -> Option<Vec<Waiver>> {
        let waivers: Vec<_> = self.waivers.take().into_iter().flat_map(List::into_values).collect();
        // Also one that cannot be read is a member.
        let members: BTreeSet<&str> = self.names().collect();
        let mut known: HashMap<_, Span> = HashMap::new();
        let mut resolved = Vec::new();
        for At { value, span } in waivers {
            let waiver = value.resolve(span, &members, report);
            if let Some(Waiver { check, member, contains, .. }) = &waiver
                && let Some(first) = known.insert((*check, member.clone(), contains.clone()), span)
            {
                let place = report.place(first, span);
                let mistake = report.mistake("twice-there", span, format!("{check} is waived twice"));
                mistake.label("waived again").help(format!("the first is {place}; keep one of them"));
            }
            resolved.push(waiver);
        }
        resolved.into_iter().collect()
    }

    /// No two members share a name, or a place in the order.
    fn tell_members_apart(&self, report: &mut Report<'_>) {
        let mut named: HashMap<&str, Span> = HashMap::new();
        for At { value: PluginName(name), span } in self.plugins().filter_map(|plugin| plugin.name.0.as_ref())
        {
            if name == ENGINE {
                let message = format!("`{ENGINE}` is what the engine is called");
                let mistake = report.mistake("taken", *span, message).label("not a plugin");
                mistake.help("give the plugin's name, as plugin.json tells it");
            } else if let Some(first) = named.get(&**name) {
                let place = report.place(*first, *span);
                let message = format!("a second plugin is called `{}`", shown(name));
                let mistake = report.mistake("taken", *span, message).label("named again");
                mistake.help(format!("the first is {place}; a plugin is released once"));
            } else {
                named.insert(name, *span);
            }
        }
        let mut placed: HashMap<u32, Span> = HashMap::new();
        let engine = self.engine.0.as_ref().and_then(|engine| engine.value.order.0.as_ref());
        let plugins = self.plugins().filter_map(|plugin| plugin.order.0.as_ref());
        for At { value: order, span } in engine.into_iter().chain(plugins) {
            if let Some(first) = placed.get(order) {
                let place = report.place(*first, *span);
                let message = format!("a second member is released as number {order}");
                let mistake = report.mistake("taken", *span, message).label("taken");
                mistake.help(format!("the first is {place}; give each a number of its own"));
            } else {
                placed.insert(*order, *span);
            }
        }
    }
}

impl EngineShape {
    fn resolve(self, span: Span, directory: &Path, report: &mut Report<'_>) -> Option<Engine> {
        for At { value: Semver(version), span } in
            [&self.from, &self.to].into_iter().filter_map(|it| it.0.as_ref())
        {
            if let Err(error) = Revision::for_version(&version.to_string()) {
                let mistake = report.mistake("unknown-revision", *span, error.to_string());
                mistake.label("speaks no revision of the contract").help(format!(
                    "give a release of the engine, {} or later",
                    Revision::ALL[0].first_version()
                ));
            }
        }
        let stated = Stated {
            from: self.from,
            to: self.to,
            bump: self.bump,
            commit: self.commit,
            tag: self.tag,
            order: self.order,
            state: self.state,
            withdrawn: distinct_tags(self.withdrawn, report),
        };
        let name = At { value: ENGINE.to_owned(), span };
        let member = stated.into_member(name, self.repository, BTreeMap::new(), None)?;
        let adapter = self.adapter.into_iter().flat_map(|Nonempty(words)| words.into_values());
        let subject = EngineSubject {
            binary: self.binary.map(|path| path.within(directory)),
            adapter: adapter.map(Said::into_inner).collect(),
            evidence: self.evidence.map(|path| path.within(directory)),
        };
        Some(Engine { member, subject })
    }
}

impl PluginShape {
    fn resolve(self, directory: &Path, report: &mut Report<'_>) -> Option<Member> {
        if let Some(never) = self.binary.or(self.adapter) {
            match never {}
        }
        let mut platforms = BTreeMap::new();
        if let Some(At { value: Table(stated), span }) = self.platforms.0 {
            if stated.is_empty() {
                let mistake = report.mistake("empty-map", span, "`platforms` names none").label("empty");
                mistake.help("give at least one: `linux/amd64: { archive: FILE }`");
            }
            for (At { value: name, span: key }, artefact) in stated {
                let artefact = artefact.value.resolve(key.to(artefact.span), directory, report);
                platforms.extend(platform(&name, key, report).map(|platform| (platform, artefact)));
            }
        }
        let previous = self.previous.map(|at| at.value.resolve(at.span, directory, report));
        let stated = Stated {
            from: self.from,
            to: self.to,
            bump: self.bump,
            commit: self.commit,
            tag: self.tag,
            order: self.order,
            state: self.state,
            withdrawn: distinct_tags(self.withdrawn, report),
        };
        let At { value: PluginName(name), span } = self.name.0?;
        stated.into_member(At { value: name, span }, self.repository, platforms, previous)
    }
}

/// What engine and plugins have in common.
struct Stated {
    from: Required<At<Semver>>,
    to: Required<At<Semver>>,
    bump: Required<At<OneKey<Part, Said>>>,
    commit: Required<At<Commit>>,
    tag: Required<At<Said>>,
    order: Required<At<u32>>,
    state: Required<At<State>>,
    withdrawn: Vec<String>,
}

impl Stated {
    /// None where something is missing or wrong, which is reported.
    fn into_member(
        self,
        name: At<String>,
        repository: Option<Said>,
        platforms: BTreeMap<Platform, Artefact>,
        previous: Option<Artefact>,
    ) -> Option<Member> {
        let (from, to, bump, commit) = (self.from.0?, self.to.0?, self.bump.0?, self.commit.0?);
        let (tag, order, state) = (self.tag.0?, self.order.0?, self.state.0?);
        Some(Member {
            repository: repository.map_or_else(|| name.value.clone(), Said::into_inner),
            name: name.value,
            from: from.value.0,
            to: to.value.0,
            bump: Bump { part: bump.value.word?, reason: bump.value.body?.into_inner() },
            commit: commit.value.0,
            tag: tag.value.into_inner(),
            order: order.value,
            state: state.value,
            withdrawn: self.withdrawn,
            platforms,
            previous,
            spans: MemberSpans {
                member: name.span,
                from: from.span,
                to: to.span,
                bump: bump.span,
                commit: commit.span,
                tag: tag.span,
                order: order.span,
                state: state.span,
            },
        })
    }
}

/// Tags that were withdrawn: a tag is withdrawn once.
fn distinct_tags(tags: Option<List<At<Said>>>, report: &mut Report<'_>) -> Vec<String> {
    let mut withdrawn: HashMap<String, Span> = HashMap::new();
    let mut distinct = Vec::new();
    for At { value: Said(tag), span } in tags.into_iter().flat_map(List::into_values) {
        match withdrawn.insert(tag.clone(), span) {
            Some(first) => named_twice(&tag, span, first, report),
            None => distinct.push(tag),
        }
    }
    distinct
}

impl ArtefactShape {
    fn resolve(self, span: Span, directory: &Path, report: &mut Report<'_>) -> Artefact {
        let archive =
            self.archive.map(|at| ("archive", at.span, Plugin::Archive(at.value.within(directory))));
        let folder =
            self.directory.map(|at| ("directory", at.span, Plugin::Directory(at.value.within(directory))));
        let profile = self.profile.map(|At { value: Said(name), span }| {
            ("profile", span, Plugin::Profile(profile(name, span, directory, report)))
        });
        let mut named: Vec<_> = [archive, folder, profile].into_iter().flatten().collect();
        named.sort_by_key(|(_, span, _)| span.start);
        let mut named = named.into_iter();
        let first = named.next();
        for (second, span, _) in named {
            let first = first.as_ref().map_or("", |(first, ..)| first);
            let message = format!("`{second}` is given beside `{first}`");
            let mistake = report.mistake("contradiction", span, message).label("one plugin too many");
            mistake.help("keep one of them: each says where the plugin is");
        }
        Artefact {
            plugin: first.map(|(.., plugin)| plugin),
            evidence: self.evidence.map(|path| path.within(directory)),
            span,
        }
    }
}

/// The name of a profile, which is relative to the directory where it is that of a file.
fn profile(name: String, span: Span, directory: &Path, report: &mut Report<'_>) -> String {
    let path = name.rsplit_once('@').map_or(&*name, |(path, _)| path);
    let is_yaml =
        |path: &str| Path::new(path).extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
    if !name.contains('/') && !is_yaml(path) {
        return name;
    }
    let Ok(path) = directory.join(&name).into_os_string().into_string() else {
        let message = "a profile of a file is named in UTF-8, and the directory of the release is not";
        report.mistake("bad-path", span, message).help("move the release to another directory");
        return name;
    };
    path
}

impl PreconditionShape {
    fn resolve(self, span: Span, report: &mut Report<'_>) -> Option<Precondition> {
        let confirmed = match (self.confirmed_by, self.when) {
            (Some(by), Some(on)) => Some(Confirmation { by: by.value.into_inner(), on: on.value }),
            (Some(At { span, .. }), None) => {
                let message = "`confirmed_by` needs a `when`";
                let mistake = report.mistake("missing-field", span, message).label("since when?");
                mistake.help("give the day on which it was looked at: `when: 2027-03-01`");
                None
            }
            (None, Some(At { span, .. })) => {
                let message = "`when` needs a `confirmed_by`";
                let mistake = report.mistake("missing-field", span, message).label("by whom?");
                mistake.help("say who has looked at it: `confirmed_by: somebody`");
                None
            }
            (None, None) => None,
        };
        let link = self.link.map(Said::into_inner);
        Some(Precondition { text: self.text.0?.into_inner(), link, confirmed, span })
    }
}

impl WaiverShape {
    fn resolve(self, span: Span, members: &BTreeSet<&str>, report: &mut Report<'_>) -> Option<Waiver> {
        if let Some(At { value: Said(name), span }) = &self.member
            && !members.contains(&**name)
        {
            let meant = report.guess(name, members.iter().copied());
            let message = format!("no member is called `{}`", shown(name));
            let mistake = report.mistake("unknown-member", *span, message).label("not a member");
            mistake.help(match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("name a plugin as it is named above, or the engine, `{ENGINE}`"),
            });
        }
        Some(Waiver {
            check: self.check.0?.0,
            member: self.member.map(|at| at.value.into_inner()),
            contains: self.contains.map(Said::into_inner),
            reason: self.reason.0?.into_inner(),
            approver: self.approver.0?.into_inner(),
            expires: self.expires.0?,
            span,
        })
    }
}

impl Word for Require {
    const NOUN: &'static str = "a requirement";
    const CODE: &'static str = "unknown-requirement";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        [("offline", Self::Offline), ("live", Self::Live)].into_iter()
    }
}

impl Word for State {
    const NOUN: &'static str = "a state";
    const CODE: &'static str = "unknown-state";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|state| (state.as_str(), state))
    }
}

impl Word for Part {
    const NOUN: &'static str = "a part of a version";
    const CODE: &'static str = "unknown-part";

    fn all() -> impl Iterator<Item = (&'static str, Self)> {
        Self::ALL.into_iter().map(|part| (part.as_str(), part))
    }

    fn such_as(word: &'static str) -> Option<String> {
        Some(format!("write `bump: {{ {word}: why }}`"))
    }
}

/// A semantic version, all three parts of it.
pub(super) struct Semver(Version);

impl Read for Semver {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        const FORM: &str = "write MAJOR.MINOR.PATCH: `1.2.0`";
        let yaml::Value::Text(text) = &node.value else {
            return mismatch_with(node, at, "a version such as `1.2.0`", Some(FORM.to_owned()), report);
        };
        match Version::parse(text) {
            Ok(version) => Some(Self(version)),
            Err(error) => {
                let bare = text.strip_prefix(['v', 'V']).filter(|bare| Version::parse(bare).is_ok());
                let message = format!("`{at}`: `{}` is no version", shown(text));
                let message = if bare.is_some() { message } else { format!("{message}: {error}") };
                let mistake = report.mistake("bad-version", node.span, message).label("not a version");
                mistake.help(match bare {
                    Some(bare) => format!("write `{}`: the `v` belongs to the tag", shown(bare)),
                    None => FORM.to_owned(),
                });
                None
            }
        }
    }
}

/// The hash of a commit, or its beginning, in small letters.
pub(super) struct Commit(String);

impl Read for Commit {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        if (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(Self(text.to_ascii_lowercase()));
        }
        let message = format!("`{at}`: `{}` is no commit", shown(&text));
        let mistake = report.mistake("bad-commit", node.span, message).label("not a commit");
        mistake.help("give its hash, or 7 hexadecimal digits of it or more, as `git rev-parse` prints it");
        None
    }
}

/// The name of a plugin.
pub(super) struct PluginName(String);

impl Read for PluginName {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let name = String::read(node, at, report)?;
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(inner) {
            return Some(Self(name));
        }
        let message = format!("`{at}`: `{}` names no plugin", shown(&name));
        let mistake = report.mistake("bad-name", node.span, message).label("not a name");
        mistake.help("give the name in its plugin.json, such as `workflow-plugin-mine`");
        None
    }
}

/// The id of a rule about releases.
pub(super) struct RelId(&'static str);

impl Read for RelId {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let text = String::read(node, at, report)?;
        if let Some(rule) = rules::find_release(&text) {
            return Some(Self(rule.id));
        }
        let (message, help) = if rules::find(&text).is_some() {
            (
                format!("{text} judges runs, and no release"),
                format!("waive the check that tells of it, such as REL-010, with `contains: {text}`"),
            )
        } else {
            let meant = report.guess(&text.to_uppercase(), rules::RELEASE.rules.iter().map(|rule| rule.id));
            let help = meant.map_or("`counterfoil rules` lists them".to_owned(), |meant| {
                format!("did you mean {meant}?")
            });
            (format!("no rule about releases is called `{}`", shown(&text)), help)
        };
        report.mistake("unknown-rule", node.span, message).label("not a rule about releases").help(help);
        None
    }
}

/// How long something takes that people do.
pub(super) struct Estimate(Duration);

impl Read for Estimate {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let longest = (Duration::from_secs(365 * 24 * 60 * 60), "365d");
        Units::HOURS.read_up_to(longest, node, at, report).map(Self)
    }
}

/// What is said of the engine alone. It has no value.
pub(super) enum OfTheEngine {}

impl Read for OfTheEngine {
    fn read(node: &yaml::Node<'_>, at: &str, report: &mut Report<'_>) -> Option<Self> {
        let message = format!("`{at}` is for the engine alone");
        let mistake = report.mistake("unknown-field", node.span, message).label("not of a plugin");
        mistake.help(
            "say where the plugin is for each platform: `platforms: { linux/amd64: { archive: FILE } }`",
        );
        None
    }
}

/// The platforms on which a plugin can run, as Go names them.
const PLATFORMS: &[&str] = &[
    "darwin/amd64",
    "darwin/arm64",
    "dragonfly/amd64",
    "freebsd/386",
    "freebsd/amd64",
    "freebsd/arm",
    "freebsd/arm64",
    "freebsd/riscv64",
    "illumos/amd64",
    "linux/386",
    "linux/amd64",
    "linux/arm",
    "linux/arm64",
    "linux/loong64",
    "linux/mips",
    "linux/mips64",
    "linux/mips64le",
    "linux/mipsle",
    "linux/ppc64",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
    "netbsd/386",
    "netbsd/amd64",
    "netbsd/arm",
    "netbsd/arm64",
    "openbsd/386",
    "openbsd/amd64",
    "openbsd/arm",
    "openbsd/arm64",
    "openbsd/ppc64",
    "openbsd/riscv64",
    "solaris/amd64",
    "windows/386",
    "windows/amd64",
    "windows/arm64",
];

/// The platform of a name; else a mistake.
fn platform(name: &str, span: Span, report: &mut Report<'_>) -> Option<Platform> {
    if let Some((os, arch)) = name.split_once('/').filter(|_| PLATFORMS.contains(&name)) {
        return Some(Platform { os: os.to_owned(), arch: arch.to_owned() });
    }
    // What others call them.
    let known = [("x86_64", "amd64"), ("aarch64", "arm64"), ("macos", "darwin")];
    let in_go = known.iter().fold(name.to_lowercase(), |name, (other, go)| name.replace(other, go));
    let meant = report.guess(&in_go, PLATFORMS.iter().copied());
    let message = format!("unknown platform `{}`", shown(name));
    let mistake = report.mistake("unknown-platform", span, message).label("not a platform");
    mistake.help(match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "give the system and the processor as Go does: `linux/amd64`".to_owned(),
    });
    None
}

schema_is! {
    Semver => { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+" },
    Commit => { "type": "string", "pattern": "^[0-9A-Fa-f]{7,64}$" },
    PluginName => { "type": "string", "pattern": "^[A-Za-z0-9][-A-Za-z0-9_.]*$" },
    RelId => { "type": "string", "pattern": "^REL-[0-9]{3}$" },
    Estimate => { "type": "string", "pattern": "^0*[1-9][0-9]*(m|h|d)$" },
    OfTheEngine => { "not": {} },
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const EVERYTHING: &str = "\
# yaml-language-server: $schema=release.schema.json
release: apply-removed
title: Apply leaves the contract
require: live
estimate: 90m
engine:
  repository: GoCodeAlone/workflow
  from: 0.56.0
  to: 0.57.0
  bump: { minor: Apply leaves the contract }
  commit: 0123ABCD
  tag: v0.57.0
  order: 1
  state: released
  withdrawn: [v0.56.1]
  binary: ../wfctl
  adapter: [counterfoil, adapter, engine]
  evidence: evidence/engine.json
plugins:
  - name: workflow-plugin-aws
    repository: GoCodeAlone/workflow-plugin-aws
    from: 1.2.1
    to: 2.0.0
    bump: { major: Apply is gone }
    commit: 0171cece
    tag: v2.0.0
    order: 2
    state: planned
    withdrawn: [v1.3.0, v1.4.0]
    previous: { directory: old/aws }
    platforms:
      linux/amd64: { archive: dist/aws_linux_amd64.tar.gz, evidence: evidence/aws.json }
      darwin/arm64: { profile: aws@2.0.0 }
      linux/arm64: { profile: mine.yaml@2.0.0 }
      windows/amd64: {}
preconditions:
  - { text: The runbook was rehearsed, link: runbook.md, confirmed_by: somebody, when: 2026-11-20 }
  - text: The pager is staffed
waivers:
  - { check: REL-010, member: workflow-plugin-aws, contains: MAN-009, reason: r, approver: a, expires: 2026-12-31 }
  - { check: REL-017, reason: r, approver: a, expires: 2026-12-31 }
";

    fn parsed(text: &str) -> Result<Release, Vec<String>> {
        let told = |mistakes: Vec<Diagnostic>| mistakes.iter().map(ToString::to_string).collect();
        parse_release("ci/release.yaml", Path::new("ci"), text.as_bytes()).map_err(told)
    }

    /// What stands at a place.
    fn at(span: Span) -> &'static str {
        &EVERYTHING[span.start..span.end()]
    }

    #[test]
    fn everything_that_can_be_said_is_taken() {
        let release = parsed(EVERYTHING).unwrap();
        assert_eq!((&*release.id, &*release.title), ("apply-removed", "Apply leaves the contract"));
        assert_eq!((release.require, release.estimate.as_secs()), (Require::Live, 5400));
        assert_eq!((&*release.source.file, &*release.source.text), ("ci/release.yaml", EVERYTHING));

        let Engine { member, subject } = &release.engine;
        assert_eq!((&*member.name, &*member.repository), ("workflow", "GoCodeAlone/workflow"));
        assert_eq!(
            (member.from.to_string(), member.to.to_string()),
            ("0.56.0".to_owned(), "0.57.0".to_owned())
        );
        assert_eq!(member.bump, Bump { part: Part::Minor, reason: "Apply leaves the contract".to_owned() });
        assert_eq!((&*member.commit, &*member.tag), ("0123abcd", "v0.57.0"));
        assert_eq!((member.order, member.state), (1, State::Released));
        assert_eq!(member.withdrawn, ["v0.56.1"]);
        assert_eq!(subject.binary, Some("ci/../wfctl".into()));
        assert_eq!(subject.adapter, ["counterfoil", "adapter", "engine"]);
        assert_eq!(subject.evidence, Some("ci/evidence/engine.json".into()));

        let [plugin] = &release.plugins[..] else { panic!("{:?}", release.plugins) };
        assert_eq!((&*plugin.name, plugin.state), ("workflow-plugin-aws", State::Planned));
        assert_eq!(plugin.withdrawn, ["v1.3.0", "v1.4.0"]);
        let artefacts: Vec<_> =
            plugin.platforms.iter().map(|(platform, it)| (platform.to_string(), it.plugin.clone())).collect();
        let profile = |name: &str| Some(Plugin::Profile(name.to_owned()));
        let archive = Plugin::Archive("ci/dist/aws_linux_amd64.tar.gz".into());
        let expected = [
            ("darwin/arm64", profile("aws@2.0.0")),
            ("linux/amd64", Some(archive)),
            ("linux/arm64", profile("ci/mine.yaml@2.0.0")),
            ("windows/amd64", None),
        ];
        assert_eq!(artefacts, expected.map(|(platform, it)| (platform.to_owned(), it)));
        let evidence: Vec<_> = plugin.platforms.values().filter_map(|it| it.evidence.as_deref()).collect();
        assert_eq!(evidence, [Path::new("ci/evidence/aws.json")]);
        let previous = plugin.previous.as_ref().unwrap();
        assert_eq!(previous.plugin, Some(Plugin::Directory("ci/old/aws".into())));

        let confirmed: Vec<_> = release.preconditions.iter().map(|it| it.confirmed.clone()).collect();
        let on = Date::parse("2026-11-20").unwrap();
        assert_eq!(confirmed, [Some(Confirmation { by: "somebody".to_owned(), on }), None]);
        assert_eq!(release.preconditions[0].link.as_deref(), Some("runbook.md"));
        let waived: Vec<_> = release
            .waivers
            .iter()
            .map(|it| (it.check, it.member.as_deref(), it.contains.as_deref(), it.expires.to_string()))
            .collect();
        let expires = "2026-12-31".to_owned();
        assert_eq!(waived[0], ("REL-010", Some("workflow-plugin-aws"), Some("MAN-009"), expires.clone()));
        assert_eq!(waived[1], ("REL-017", None, None, expires));
    }

    #[test]
    fn each_thing_has_its_place() {
        let release = parsed(EVERYTHING).unwrap();
        let spans = release.plugins[0].spans;
        let places = [
            (spans.member, "workflow-plugin-aws"),
            (spans.from, "1.2.1"),
            (spans.to, "2.0.0"),
            (spans.bump, "{ major: Apply is gone }"),
            (spans.commit, "0171cece"),
            (spans.tag, "v2.0.0"),
            (spans.order, "2"),
            (spans.state, "planned"),
        ];
        for (span, expected) in places {
            assert_eq!(at(span), expected);
        }
        assert!(at(release.engine.member.spans.member).starts_with("repository: GoCodeAlone/workflow\n"));
        assert_eq!(at(release.engine.member.spans.commit), "0123ABCD");
        let artefacts: Vec<_> = release.plugins[0].platforms.values().map(|it| at(it.span)).collect();
        assert_eq!(artefacts[0], "darwin/arm64: { profile: aws@2.0.0 }");
        assert_eq!(artefacts[3], "windows/amd64: {}");
        assert_eq!(at(release.plugins[0].previous.as_ref().unwrap().span), "{ directory: old/aws }");
        assert_eq!(at(release.preconditions[1].span), "text: The pager is staffed");
        assert!(at(release.waivers[1].span).starts_with("{ check: REL-017,"));
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        let text: String = EVERYTHING
            .lines()
            .take_while(|line| !line.starts_with("preconditions:"))
            .filter(|line| {
                ![
                    "title:",
                    "estimate:",
                    "repository:",
                    "binary:",
                    "adapter:",
                    "evidence: evidence/engine",
                    "previous:",
                ]
                .iter()
                .any(|left_out| line.trim_start().starts_with(left_out))
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let release = parsed(&text).unwrap();
        assert_eq!((&*release.title, release.estimate), ("", USUAL_ESTIMATE));
        assert_eq!(release.engine.member.repository, "workflow");
        assert_eq!(release.engine.subject, EngineSubject::default());
        assert_eq!(release.plugins[0].repository, "workflow-plugin-aws");
        assert_eq!(release.plugins[0].previous, None);
        assert!(release.preconditions.is_empty() && release.waivers.is_empty());
    }

    /// Whether it is in order is for rules to say.
    #[test]
    fn what_is_not_in_order_can_be_read() {
        for (stated, other) in [
            ("    to: 2.0.0", "    to: 1.0.0"),
            ("    to: 2.0.0", "    to: 2.0.0-rc.1"),
            ("tag: v2.0.0", "tag: latest"),
            ("bump: { major:", "bump: { patch:"),
            ("expires: 2026-12-31", "expires: 1999-12-31"),
            ("state: planned", "state: withdrawn"),
        ] {
            assert!(EVERYTHING.contains(stated), "{stated}");
            parsed(&EVERYTHING.replacen(stated, other, 1)).unwrap();
        }
    }

    #[test]
    fn a_file_of_many_plugins_is_read_in_order() {
        let (head, plugin) = EVERYTHING.split_once("plugins:\n").unwrap();
        let (plugin, _) = plugin.split_once("preconditions:").unwrap();
        let plugins: String = (0..2000)
            .map(|at| {
                let named = plugin.replacen("name: workflow-plugin-aws", &format!("name: plugin-{at}"), 1);
                named.replacen("order: 2", &format!("order: {}", 3000 - at), 1)
            })
            .collect();
        let release = parsed(&format!("{head}plugins:\n{plugins}")).unwrap();
        assert_eq!(release.plugins.len(), 2000);
        assert_eq!(release.in_order()[1].name, "plugin-1999");
    }

    /// What a file may say, the schema describes; and of what it describes, nothing is missing in the file above.
    #[test]
    fn the_schema_and_the_reader_have_the_same_keys() {
        fn keys(value: &Value) -> Vec<String> {
            let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        }
        let schema = release_schema();
        let text: Value = serde_yaml::from_str(EVERYTHING).unwrap();
        assert_eq!(keys(&schema["properties"]), keys(&text));
        for (name, said) in [
            ("Engine", &text["engine"]),
            ("Plugin", &text["plugins"][0]),
            ("Precondition", &text["preconditions"][0]),
            ("Waiver", &text["waivers"][0]),
        ] {
            let mut described = keys(&schema["$defs"][name]["properties"]);
            // They are described, so that an editor says why they are not allowed.
            described.retain(|key| name != "Plugin" || !["adapter", "binary"].contains(&&**key));
            assert_eq!(described, keys(said), "{name}");
        }
        let plugin = &schema["$defs"]["Plugin"]["properties"];
        assert_eq!(plugin["binary"]["not"], serde_json::json!({}));
        assert!(
            plugin["platforms"]["propertyNames"]["enum"].as_array().unwrap().contains(&"linux/amd64".into())
        );
        assert_eq!(plugin["bump"]["maxProperties"], 1);
        assert_eq!(schema["properties"]["plugins"]["minItems"], 1);
    }
}
