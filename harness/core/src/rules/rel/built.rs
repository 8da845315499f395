//! What was built, as far as it can be seen without running it.

use counterfoil_proto::Revision;
use semver::Version;

use super::{Piece, pieces};
use crate::release::{About, Build, Case, Checks, Known, Member, Presence};

pub(super) fn the_manifest_bears_what_is_released(case: &Case<'_>, checks: &mut Checks<'_>) {
    the_one_before_is_of_the_same_plugin(case, checks);
    for piece in pieces(case) {
        let manifest = match &piece.facts.manifest {
            Known::Known(manifest) => manifest,
            Known::Unknown(why) => {
                checks.unknown(piece.about(), piece.says(why), piece.wanted());
                continue;
            }
        };
        let bears = |what: &str, found: Option<&str>, expected: &str| match found {
            Some(found) if found.strip_prefix('v').unwrap_or(found) == expected => None,
            Some(found) => Some(format!("{what} is {found:?}, and {expected} is released")),
            None => Some(format!("it has no {what}, and {expected} is released")),
        };
        let version = bears("version", manifest.version.as_deref(), &piece.plugin.to.to_string());
        let wrong = bears("name", manifest.name.as_deref(), &piece.plugin.name).or(version);
        if let Some(wrong) = wrong {
            let text = piece.says(format_args!("in plugin.json {wrong}"));
            checks.broken(piece.about(), text, "stamp plugin.json when it is built, and build it again");
        } else {
            let text = format_args!("plugin.json is of {} {}", piece.plugin.name, piece.plugin.to);
            checks.holds(piece.about(), piece.says(text));
        }
    }
}

/// What is said to have been there before is of the same plugin: what comes of pairs stands on it.
fn the_one_before_is_of_the_same_plugin(case: &Case<'_>, checks: &mut Checks<'_>) {
    for (plugin, facts) in case.release.plugins.iter().zip(&case.facts.plugins) {
        let (Some(stated), Known::Known(manifest)) = (&plugin.previous, &facts.previous.manifest) else {
            continue;
        };
        let Some(name) = manifest.name.as_deref().filter(|name| *name != plugin.name) else { continue };
        let text = format!("what was there before is {name:?}, by its manifest, and no {}", plugin.name);
        let help = format!("name what is out there of {} {}", plugin.name, plugin.from);
        checks.broken(About::member(plugin, stated.span), text, help);
    }
}

pub(super) fn it_is_of_the_stated_commit(case: &Case<'_>, checks: &mut Checks<'_>) {
    let engine = &case.release.engine;
    // What stands behind an adapter is not in the adapter's program.
    if engine.subject.binary.is_some()
        || engine.subject.adapter.is_empty() && engine.subject.evidence.is_some()
    {
        let about = About::member(&engine.member, engine.member.spans.commit);
        of_commit(&engine.member, about, &case.facts.engine.build, &|text| text.to_owned(), checks);
    }
    for piece in pieces(case) {
        let about = About::member(piece.plugin, piece.plugin.spans.commit);
        of_commit(piece.plugin, about, &piece.facts.build, &|text| piece.says(text), checks);
    }
}

/// Holds what a program says of its build against the commit and the version that are stated.
fn of_commit(
    member: &Member,
    about: About<'_>,
    build: &Known<Build>,
    says: &dyn Fn(&str) -> String,
    checks: &mut Checks<'_>,
) {
    let stamped = "build it in its repository with version control at hand (`-buildvcs=true`)";
    let (build, revision) = match build {
        Known::Known(build @ Build { revision: Some(revision), .. }) => (build, revision),
        Known::Known(_) => {
            return checks.unknown(
                about,
                says("its program does not say its commit (vcs.revision)"),
                stamped,
            );
        }
        Known::Unknown(why) => {
            return checks.unknown(about, says(&format!("its commit is not known: {why}")), stamped);
        }
    };
    let stated = &member.commit;
    let release = build.version.as_deref().and_then(release_version);
    if revision.len() < SHORTEST {
        let text = format!("its program says that it was built from {revision:?}, which is no commit");
        checks.unknown(about, says(&text), stamped);
    } else if !revision.starts_with(stated.as_str()) && !stated.starts_with(revision.as_str()) {
        let text = format!("it was built from {revision}, and {stated} is stated");
        let help = format!(
            "see which commit {} is on; a tag that is public is not moved: number it anew",
            member.tag
        );
        checks.broken(about, says(&text), help);
    } else if build.modified == Some(true) {
        let text = format!("it was built from {stated} and from changes that are in no commit");
        checks.broken(about, says(&text), "build it from a clean checkout");
    } else if let Some(other) = release.as_ref().filter(|version| version.cmp_precedence(&member.to).is_lt())
    {
        // Of the tags of a commit, Go tells the highest.
        let text = format!("its module is {other}, so that its commit had no tag of {}", member.to);
        checks.broken(about, says(&text), "build it at its tag");
    } else if build.modified.is_none() {
        let text = "its program does not say whether it has changes that are in no commit (vcs.modified)";
        checks.unknown(about, says(text), stamped);
    } else {
        let also = release.filter(|version| version.cmp_precedence(&member.to).is_ne());
        let also = also.map_or(String::new(), |other| format!(", which has the tag v{other} too"));
        checks.holds(about, says(&format!("it was built from {stated}{also}")));
    }
}

/// The fewest digits by which a commit is known.
const SHORTEST: usize = 7;

/// The version of a module that is a release: not of a pseudo-version, and not `(devel)`.
fn release_version(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v')?).ok().filter(|version| version.pre.is_empty())
}

pub(super) fn its_pin_meets_its_oldest_engine(case: &Case<'_>, checks: &mut Checks<'_>) {
    for piece in pieces(case) {
        let Some((pin, oldest)) = pin_and_oldest(piece, checks) else { continue };
        let text = format!("it is built with {pin}, and minEngineVersion is {oldest}");
        if pin < oldest {
            let help = format!("build it with the engine's module at v{oldest} or later");
            checks.broken(piece.about(), piece.says(text), help);
        } else {
            checks.holds(piece.about(), piece.says(text));
        }
    }
}

pub(super) fn the_new_engine_may_load_it(case: &Case<'_>, checks: &mut Checks<'_>) {
    let engine = &case.release.engine.member.to;
    for piece in pieces(case) {
        match piece.facts.min_engine_version() {
            Known::Known(oldest) if oldest > *engine => {
                let text = format!("minEngineVersion is {oldest}, and the engine of the release is {engine}");
                let help = format!("release the engine {oldest} or later, or lower minEngineVersion");
                checks.broken(piece.about(), piece.says(text), help);
            }
            Known::Known(oldest) => {
                checks.holds(piece.about(), piece.says(format_args!("minEngineVersion is {oldest}")));
            }
            Known::Unknown(why) => checks.unknown(piece.about(), piece.says(why), STATE_IT),
        }
    }
}

pub(super) fn no_engine_before_its_contract_may_load_it(case: &Case<'_>, checks: &mut Checks<'_>) {
    for piece in pieces(case) {
        let Some((pin, oldest)) = pin_and_oldest(piece, checks) else { continue };
        let Ok(spoken) = Revision::for_version(&pin.to_string()) else {
            let text = format!("it is built with {pin}, which speaks no contract that is known");
            checks.unknown(piece.about(), piece.says(text), "build it with a release of the engine's module");
            continue;
        };
        let first = spoken.revision.first_version();
        let is_before = Version::parse(first).is_ok_and(|first| oldest < first);
        if is_before {
            let text = format!(
                "minEngineVersion is {oldest}, and the contract that it is built with began with {first}"
            );
            checks.broken(
                piece.about(),
                piece.says(text),
                format!("set minEngineVersion to {first} or later"),
            );
        } else {
            let text = format!("minEngineVersion is {oldest}; its contract began with {first}");
            checks.holds(piece.about(), piece.says(text));
        }
    }
}

/// What to do where there is no minEngineVersion.
const STATE_IT: &str = "state minEngineVersion in plugin.json";

/// The engine's module that a plugin is built with, and its minEngineVersion. What is not known is told.
fn pin_and_oldest(piece: Piece<'_>, checks: &mut Checks<'_>) -> Option<(Version, Version)> {
    let help = "build it with a release of the engine's module, and with module support";
    let mut unknown = |text: &str, help: &str| {
        checks.unknown(piece.about(), piece.says(text), help);
        None
    };
    let build = match &piece.facts.build {
        Known::Known(build) => build,
        Known::Unknown(why) => return unknown(why, help),
    };
    if let Some(other) = &build.replaced_by {
        return unknown(&format!("it is built with {other} in place of the engine's module"), help);
    }
    let Some(pin) = &build.engine else {
        return unknown("its program does not say with which engine's module it is built", help);
    };
    let Ok(pin) = Version::parse(pin.strip_prefix('v').unwrap_or(pin)) else {
        return unknown(
            &format!("it is built with {pin:?} of the engine's module, which is no version"),
            help,
        );
    };
    match piece.facts.min_engine_version() {
        Known::Known(oldest) => Some((pin, oldest)),
        Known::Unknown(why) => unknown(&why, STATE_IT),
    }
}

pub(super) fn each_platform_has_its_artefact(case: &Case<'_>, checks: &mut Checks<'_>) {
    let is_real = |piece: Piece<'_>| piece.facts.presence == Presence::There && !piece.facts.stand_in;
    let is_rehearsal = case.release.engine.subject.binary.is_none() && !pieces(case).any(is_real);
    for piece in pieces(case) {
        let about = piece.about();
        match &piece.facts.presence {
            Presence::NotStated => {
                checks.unknown(about, piece.says("nothing is named for it"), piece.wanted());
            }
            Presence::Missing(path) => {
                checks.unknown(about, piece.says(format_args!("there is no {path}")), piece.wanted());
            }
            Presence::Unreadable(why) => checks.unknown(about, piece.says(why), piece.wanted()),
            Presence::EvidenceAlone => {
                let text = piece.says("evidence alone is given, and nothing that could be released");
                checks.unknown(about, text, "name the archive that it is about");
            }
            Presence::There if piece.facts.stand_in && !is_rehearsal => {
                let text = piece.says("a stand-in takes its place, and others are real");
                checks.unknown(about, text, "name the archive that is released");
            }
            Presence::There => match &piece.facts.built_for {
                Known::Known(platform) if platform != piece.platform => {
                    let text = piece.says(format_args!("its program is built for {platform}"));
                    checks.broken(about, text, piece.wanted());
                }
                Known::Known(_) if piece.is_foreign => {
                    let here = &case.facts.here;
                    let text = format_args!("what is there was looked at, and not run: this is {here}");
                    checks.holds(about, piece.says(text));
                }
                Known::Known(_) => checks.holds(about, piece.says("it is there")),
                Known::Unknown(why) => {
                    let text = piece.says(format_args!("it is not known what it is built for: {why}"));
                    checks.unknown(about, text, piece.wanted());
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        mutants::good_release,
        release::{Case, CheckState, Known, assess},
    };

    #[test]
    fn of_the_tags_of_a_commit_one_that_is_higher_speaks_against_nothing() {
        let came = |version: &str| {
            let (release, mut facts) = good_release();
            let artefact = facts.plugins[0].platforms.values_mut().next().expect("there is one");
            let Known::Known(build) = &mut artefact.build else { panic!("it is known") };
            build.version = Some(version.to_owned());
            let (checks, _) = assess(Case { release: &release, facts: &facts });
            let of_plugin = |check: &&crate::release::Check| {
                check.rule == "REL-005" && check.member.as_deref() == Some(&*release.plugins[0].name)
            };
            let check = checks.iter().find(of_plugin).expect("it is judged");
            (check.state.clone(), check.text.clone())
        };
        let (state, text) = came("v2.0.9");
        assert_eq!(state, CheckState::Holds);
        assert!(text.ends_with(", which has the tag v2.0.9 too"), "{text}");
        assert_eq!(came("v1.2.1").0, CheckState::Broken);
        assert_eq!(came("v1.2.2-0.20260517120000-0171cece0171").0, CheckState::Holds);
    }
}
