//! The way back: what is left when something that was released is withdrawn.
//!
//! A pair depends on one engine and one plugin. So what is left of any set is safe exactly if each of its pairs is, and the
//! pairs of each plugin, with the engine kept and withdrawn, tell all sets.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Age, Case, CheckState, Demand, Facts, Known, Load, Member, Outcome, Pairs, Path, State, pairs};

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// What is released stays public.
    Kept,
    /// It is taken back, or never was public: there is what was before.
    Withdrawn,
}

/// The ways back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rollback {
    /// The pairs that are left of each plugin, in the order of the file.
    pub left: Vec<Left>,
    /// What the restored engine makes of the state; none where the engine stays as it was.
    pub state: Option<StateBack>,
    /// The plugins that have to be withdrawn along with the engine.
    pub along_with_the_engine: Vec<String>,
    /// The plugins that can be withdrawn while the engine stays, each on its own.
    pub on_their_own: Vec<String>,
    /// The number of each member after it was withdrawn, in the order of the release.
    pub numbers: Vec<Number>,
}

/// A pair that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Left {
    /// The name of the plugin.
    pub plugin: String,
    /// What becomes of the engine.
    pub engine_is: Fate,
    /// What becomes of the plugin.
    pub plugin_is: Fate,
    /// Whether it is safe: `holds`, `unknown` or `broken`.
    #[schemars(with = "String")]
    pub safe: CheckState,
    /// Why, in a sentence without its full stop.
    pub text: String,
}

/// What the engine of before made of a state that the new one wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFacts {
    /// How many records the new engine wrote.
    pub records: usize,
    /// The records that the old one did not read as they were written, each with what it made of it.
    pub unread: Vec<String>,
}

/// Whether the restored engine reads the state that the new one wrote (E-340).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StateBack {
    /// Whether it does: `holds`, `unknown` or `broken`.
    #[schemars(with = "String")]
    pub safe: CheckState,
    /// What was found, in a sentence without its full stop.
    pub text: String,
    /// What would make it so, or tell it; empty where it is.
    pub help: String,
}

/// The way forward of a member that is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Number {
    /// The member.
    pub member: String,
    /// The tag that is spent: it is not moved, and not used again.
    pub spent: String,
    /// The version that comes next.
    pub next: String,
}

/// What is left when a set is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retreat<'a> {
    /// The pair that is left of each plugin.
    pub left: Vec<&'a Left>,
    /// What the restored engine makes of the state; none where the engine is not withdrawn.
    pub state: Option<&'a StateBack>,
}

/// The ways back from a release. `state` says what the engine of before made of a state directory that the new one wrote; none
/// where nobody had it read one.
pub fn rollback(case: Case<'_>, state: Option<&Known<StateFacts>>) -> Rollback {
    let pairs = pairs(case);
    let left: Vec<Left> = pairs.iter().flat_map(left_of).collect();
    let named = |engine: Fate, plugin: Fate, wanted: fn(&CheckState) -> bool| {
        let found = left.iter().filter(|left| (left.engine_is, left.plugin_is) == (engine, plugin));
        found.filter(|left| wanted(&left.safe)).map(|left| left.plugin.clone()).collect()
    };
    let engine = &case.release.engine.member;
    Rollback {
        along_with_the_engine: named(Fate::Withdrawn, Fate::Kept, |safe| *safe != CheckState::Holds),
        on_their_own: named(Fate::Kept, Fate::Withdrawn, |safe| *safe == CheckState::Holds),
        state: (engine.from != engine.to).then(|| StateBack::of(engine, state)),
        numbers: case
            .release
            .in_order()
            .into_iter()
            .map(|member| Number {
                member: member.name.clone(),
                spent: member.tag.clone(),
                next: next_number(member, case.facts).to_string(),
            })
            .collect(),
        left,
    }
}

impl Rollback {
    /// What is left when these members are withdrawn, and of the others those are kept that are public.
    ///
    /// # Errors
    /// The names that are those of no member that is public.
    pub fn of(&self, case: Case<'_>, withdrawn: &BTreeSet<&str>) -> Result<Retreat<'_>, Vec<String>> {
        let public: BTreeSet<&str> = case
            .release
            .members()
            .filter(|member| member.state == State::Released)
            .map(|member| &*member.name)
            .collect();
        let unknown: Vec<String> = withdrawn.difference(&public).map(|name| (*name).to_owned()).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let kept: BTreeSet<&str> = public.difference(withdrawn).copied().collect();
        Ok(self.keeping(&case.release.engine.member.name, &kept))
    }

    /// What is left when these members alone are public.
    pub fn keeping(&self, engine: &str, kept: &BTreeSet<&str>) -> Retreat<'_> {
        let fate = |name: &str| if kept.contains(name) { Fate::Kept } else { Fate::Withdrawn };
        let engine = fate(engine);
        let is_left = |left: &&Left| left.engine_is == engine && left.plugin_is == fate(&left.plugin);
        Retreat {
            left: self.left.iter().filter(is_left).collect(),
            state: self.state.as_ref().filter(|_| engine == Fate::Withdrawn),
        }
    }
}

impl Retreat<'_> {
    /// Whether it is safe: every pair that is left is, and a restored engine reads the state. Broken before unknown.
    pub fn safe(&self) -> CheckState {
        let parts = || self.left.iter().map(|left| &left.safe).chain(self.state.map(|state| &state.safe));
        let worst = [CheckState::Broken, CheckState::Unknown];
        worst.into_iter().find(|state| parts().any(|part| part == state)).unwrap_or(CheckState::Holds)
    }
}

/// The four pairs that can be left of a plugin.
fn left_of(pairs: &Pairs) -> impl Iterator<Item = Left> {
    let fates = [Fate::Kept, Fate::Withdrawn];
    let all = fates.into_iter().flat_map(move |engine| fates.map(|plugin| (engine, plugin)));
    all.map(|(engine_is, plugin_is)| {
        let (safe, text) = left_behind(pairs, engine_is, plugin_is);
        Left { plugin: pairs.plugin.clone(), engine_is, plugin_is, safe, text }
    })
}

/// Whether a pair that is left is safe, and why. Who has a plugin has it without the plugin manager.
fn left_behind(pairs: &Pairs, engine: Fate, plugin: Fate) -> (CheckState, String) {
    let age = |fate| if fate == Fate::Kept { Age::New } else { Age::Old };
    let cell = pairs.cell(age(engine), age(plugin));
    let (with, its) = (&cell.engine_version, &cell.plugin_version);
    if cell.demanded == Demand::Works {
        return (CheckState::Holds, format!("engine {with} with {its} is as it was before"));
    }
    if cell.outcome == Outcome::NotFound {
        return (CheckState::Broken, cell.text.clone());
    }
    match (&cell.load, &cell.installs) {
        (Known::Known(Load::Refused), _) => {
            (CheckState::Broken, format!("engine {with} refuses {its} at load"))
        }
        (Known::Known(Load::Driven(Path::Apply)), _) => {
            (CheckState::Broken, format!("engine {with} hands the plan to the Apply of {its} without a word"))
        }
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => {
            (CheckState::Unknown, format!("what engine {with} does about {its} is not known: {why}"))
        }
        (Known::Known(Load::Driven(Path::V2)), Known::Known(true)) => {
            (CheckState::Holds, format!("engine {with} drives {its} by v2"))
        }
        (Known::Known(Load::Driven(Path::V2)), Known::Known(false)) => {
            let text =
                format!("engine {with} drives {its} by v2 where it is there, against its minEngineVersion");
            (CheckState::Broken, text)
        }
    }
}

/// Why they are not safe who have a plugin whose engine was withdrawn, and go back to the engine of before.
pub(super) fn kept_behind(pairs: &Pairs) -> Option<String> {
    let (safe, text) = left_behind(pairs, Fate::Withdrawn, Fate::Kept);
    (safe != CheckState::Holds).then_some(text)
}

impl StateBack {
    fn of(engine: &Member, state: Option<&Known<StateFacts>>) -> Self {
        let (old, new) = (&engine.from, &engine.to);
        let unknown = |why: String| Self {
            safe: CheckState::Unknown,
            text: format!("whether engine {old} reads the state that {new} wrote is not known: {why}"),
            help: format!("apply something with {new}, and name its state directory (`--state`)"),
        };
        match state {
            None => unknown("nobody had it read one".to_owned()),
            Some(Known::Unknown(why)) => unknown(why.clone()),
            Some(Known::Known(StateFacts { records: 0, .. })) => {
                unknown("there was no record in it".to_owned())
            }
            Some(Known::Known(StateFacts { records, unread })) => match unread.first() {
                Some(first) => Self {
                    safe: CheckState::Broken,
                    text: format!(
                        "engine {old} does not read {} of {records} records that {new} wrote: {first}",
                        unread.len()
                    ),
                    help: format!(
                        "keep the engine, and fix forward; or keep the state of before {new}, and restore it"
                    ),
                },
                None => Self {
                    safe: CheckState::Holds,
                    text: format!("engine {old} reads all {records} records that {new} wrote"),
                    help: String::new(),
                },
            },
        }
    }
}

/// The version that comes after one that was withdrawn: the next patch whose tag was never public.
pub(crate) fn next_number(member: &Member, facts: &Facts) -> Version {
    let Version { major, minor, patch, .. } = member.to;
    let spent = facts.lock.iter().flat_map(|lock| &lock.spent).filter(|spent| spent.member == member.name);
    let tags = spent.map(|spent| &spent.tag).chain(&member.withdrawn);
    let versions = tags.filter_map(|tag| Version::parse(tag.strip_prefix('v')?).ok());
    let patches =
        versions.filter(|spent| (spent.major, spent.minor) == (major, minor)).map(|spent| spent.patch);
    Version::new(major, minor, patches.fold(patch, u64::max).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::release::{
        SpentTag,
        testing::{POINT, Plain, Point, any_release, case, plain_holder, release, version},
    };

    const TO_0_57: (&str, &str) = ("0.56.0", "0.57.0");

    fn read(unread: &[&str]) -> Known<StateFacts> {
        let unread = unread.iter().map(|text| (*text).to_owned()).collect();
        Known::Known(StateFacts { records: 3, unread })
    }

    #[test]
    fn an_engine_takes_along_what_was_made_for_it() {
        let old_engines_too = Point { oldest: Some("0.56.0"), old_v2: Some(true), ..POINT };
        let mut made = release(TO_0_57, &[POINT, old_engines_too]);
        let back = rollback(case(&made), Some(&read(&[])));
        assert_eq!(back.along_with_the_engine, ["a"]);
        assert_eq!(back.on_their_own, ["b"], "the engine refuses the old one of the other");
        let texts: Vec<_> =
            back.left.iter().filter(|left| left.plugin == "a").map(|left| &*left.text).collect();
        assert_eq!(
            texts,
            [
                "engine 0.57.0 drives 2.0.0 by v2",
                "engine 0.57.0 refuses 1.2.1 at load",
                "engine 0.56.0 drives 2.0.0 by v2 where it is there, against its minEngineVersion",
                "engine 0.56.0 with 1.2.1 is as it was before",
            ]
        );

        made.0.engine.member.state = State::Released;
        made.0.plugins.iter_mut().for_each(|plugin| plugin.state = State::Released);
        let safe = |withdrawn: &[&str]| {
            let withdrawn = withdrawn.iter().copied().collect();
            back.of(case(&made), &withdrawn).map(|retreat| retreat.safe())
        };
        assert_eq!(safe(&[]), Ok(CheckState::Holds));
        assert_eq!(safe(&["workflow"]), Ok(CheckState::Broken));
        assert_eq!(safe(&["workflow", "a"]), Ok(CheckState::Holds));
        assert_eq!(safe(&["workflow", "a", "b"]), Ok(CheckState::Holds));
        assert_eq!(safe(&["a"]), Ok(CheckState::Broken));
        assert_eq!(safe(&["b"]), Ok(CheckState::Holds));
        assert_eq!(safe(&["b", "c"]), Err(vec!["c".to_owned()]));
    }

    #[test]
    fn a_state_that_nobody_read_back_is_not_known() {
        let made = release(TO_0_57, &[POINT]);
        let of = |state: Option<Known<StateFacts>>| rollback(case(&made), state.as_ref()).state.unwrap();
        assert_eq!(of(None).safe, CheckState::Unknown);
        assert_eq!(of(Some(Known::Unknown("no engine is given".to_owned()))).safe, CheckState::Unknown);
        assert_eq!(
            of(Some(Known::Known(StateFacts { records: 0, unread: Vec::new() }))).safe,
            CheckState::Unknown
        );
        assert_eq!(of(Some(read(&[]))).safe, CheckState::Holds);
        let lost = of(Some(read(&["net.json: it has no provider_id"])));
        assert_eq!(lost.safe, CheckState::Broken);
        assert_eq!(
            lost.text,
            "engine 0.56.0 does not read 1 of 3 records that 0.57.0 wrote: net.json: it has no provider_id"
        );
        let back = rollback(case(&made), None);
        let retreat = |kept: &[&str]| back.keeping("workflow", &kept.iter().copied().collect()).safe();
        assert_eq!(retreat(&[]), CheckState::Unknown, "all pairs are as before, and the state is not");
        assert_eq!(retreat(&["workflow", "a"]), CheckState::Holds, "no engine is restored");
        let stays = release(("0.57.0", "0.57.0"), &[POINT]);
        assert_eq!(rollback(case(&stays), None).state, None);
    }

    #[test]
    fn the_next_number_is_one_that_was_never_public() {
        let mut made = release(TO_0_57, &[POINT]);
        let next = |made: &(crate::release::Release, Facts)| next_number(&made.0.plugins[0], &made.1);
        assert_eq!(next(&made), version("2.0.1"));
        let spent = ["v2.0.1", "v2.0.4", "v2.1.9", "2.0.8", "v1.0.9"].map(|tag| SpentTag {
            member: "a".to_owned(),
            tag: tag.to_owned(),
            commit: "0123456".to_owned(),
            withdrawn: true,
        });
        made.1.lock.as_mut().unwrap().spent = spent.into();
        assert_eq!(next(&made), version("2.0.5"));
        made.1.lock = None;
        assert_eq!(next(&made), version("2.0.1"));
        let of_engine = next_number(&made.0.engine.member, &made.1);
        assert_eq!(of_engine, version("0.57.1"));
    }

    proptest! {
        #[test]
        fn a_set_is_safe_exactly_if_each_of_its_pairs_is((release, facts, points) in any_release()) {
            let made = (release, facts);
            let (release, state) = (&made.0, read(&[]));
            let back = rollback(case(&made), Some(&state));
            let names: Vec<&str> = release.members().map(|member| &*member.name).collect();
            for set in 0..1_u32 << names.len() {
                let kept: BTreeSet<&str> =
                    names.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, name)| *name).collect();
                let plugins = release.plugins.iter().zip(&points);
                let fares: Vec<Plain> = plugins
                    .map(|(plugin, point)| {
                        plain_holder(release, point, kept.contains("workflow"), kept.contains(&*plugin.name))
                    })
                    .collect();
                let expected = if fares.contains(&Plain::Bad) {
                    CheckState::Broken
                } else if fares.contains(&Plain::NotKnown) {
                    CheckState::Unknown
                } else {
                    CheckState::Holds
                };
                let retreat = back.keeping("workflow", &kept);
                prop_assert_eq!(retreat.left.len(), points.len());
                prop_assert_eq!(retreat.safe(), expected, "{:?} are kept", kept);
            }
        }
    }
}
