//! The window: how far a release is, who sits on a pair that does not work and for how long, and which order is best.
//!
//! A follower of a plugin always takes the newest public version of the engine and of the plugin, as far as the plugin manager
//! installs it.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::{
    Age, Case, Cell, Demand, Known, Load, Member, Outcome, Pairs, Path, State, pairs,
    rollback::{kept_behind, next_number},
};

/// The window of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window {
    /// How far the release is.
    pub position: Position,
    /// The stated order, step by step. In the first nothing is public. What was withdrawn has no step.
    pub steps: Vec<Step>,
    /// Who sits on a pair that does not work in the stated order, by the order of the plugins.
    pub sits: Vec<Sit>,
    /// The best order of what is still to be released.
    pub best: Best,
}

/// How far a release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Position {
    /// The members that are public, in their order.
    pub public: Vec<String>,
    /// What to do next; none where everything is public.
    pub next: Option<String>,
    /// Whether everybody can be left where they are.
    pub safe_to_stop: bool,
    /// Why: a sentence for each follower that cannot, without its full stop; else one that says why it is safe.
    pub why: Vec<String>,
}

/// A step of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// The member that is released; none in the first.
    pub released: Option<String>,
    /// The plugins whose followers sit on a pair that does not work from here to the next step.
    pub sitting: usize,
}

/// How a follower fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The pair works call by call.
    WorksByV2,
    /// The pair is that of before the release.
    AsBefore,
    /// The engine refuses the plugin.
    Refused,
    /// The engine finds no provider in the plugin by its name.
    NotFound,
    /// The engine calls `Apply` without a word.
    SilentlyByApply,
    /// It cannot be told.
    Unknown,
}

/// Somebody sits on a pair that does not work, or of which it is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sit {
    /// The plugin whose followers do.
    pub plugin: String,
    /// How they fare.
    pub standing: Standing,
    /// The number of the step from which on.
    pub from: usize,
    /// The number of the step that ends it; none where no step does.
    pub until: Option<usize>,
    /// For how long, in seconds; none where no step ends it.
    #[serde(serialize_with = "seconds")]
    #[schemars(with = "Option<u64>")]
    pub lasts: Option<Duration>,
    /// Why, in a sentence without its full stop.
    pub text: String,
}

/// The best order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Best {
    /// The members that are still to be released, in that order.
    pub order: Vec<String>,
    /// Whether the stated order is as good, and stands here.
    pub is_stated: bool,
    /// Whether nobody sits on a pair that does not work in it.
    pub is_safe: bool,
    /// How long followers sit, all added up, in seconds; without those whom no step helps.
    #[serde(serialize_with = "whole_seconds")]
    #[schemars(with = "u64")]
    pub sits: Duration,
    /// How long the one of them does who sits longest, in seconds.
    #[serde(serialize_with = "whole_seconds")]
    #[schemars(with = "u64")]
    pub longest: Duration,
    /// All that in words, without a full stop.
    pub text: String,
}

#[expect(clippy::ref_option, reason = "serde gives it so")]
fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}

fn whole_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs().serialize(serializer)
}

/// The window of a release.
pub fn window(case: Case<'_>) -> Window {
    let pairs = pairs(case);
    let order: Vec<&Member> =
        case.release.in_order().into_iter().filter(|member| member.state != State::Withdrawn).collect();
    let turns = Turns::of(&order, |_| false);
    let estimate = case.release.estimate;
    let sits = turns.sits(case, &pairs).map(|(pairs, seat)| seat.told(pairs, estimate)).collect::<Vec<_>>();
    Window {
        position: position(case, &pairs),
        steps: steps(&order, &sits),
        sits,
        best: Best::of(case, &pairs),
    }
}

/// The steps of an order, with how many sit in each.
fn steps(order: &[&Member], sits: &[Sit]) -> Vec<Step> {
    let mut change = vec![0_isize; order.len() + 2];
    for sit in sits {
        change[sit.from] += 1;
        change[sit.until.unwrap_or(order.len() + 1)] -= 1;
    }
    let released = std::iter::once(None).chain(order.iter().map(|member| Some(member.name.clone())));
    let sitting = change.iter().scan(0, |sum, change| {
        *sum += change;
        Some(sum.unsigned_abs())
    });
    released.zip(sitting).map(|(released, sitting)| Step { released, sitting }).collect()
}

/// When a member has its turn: the number of its step, 0 of what is public already; none of what never is.
type Turn = Option<usize>;

/// The turns of all members.
struct Turns<'a> {
    of: BTreeMap<&'a str, usize>,
}

impl<'a> Turns<'a> {
    fn of(order: &[&'a Member], is_public: impl Fn(&Member) -> bool) -> Self {
        let mut number = 0;
        let turns = order.iter().map(|member| {
            let turn = if is_public(member) {
                0
            } else {
                number += 1;
                number
            };
            (&*member.name, turn)
        });
        Self { of: turns.collect() }
    }

    fn turn(&self, name: &str) -> Turn {
        self.of.get(name).copied()
    }

    /// Who sits on a pair that does not work.
    fn sits<'p>(&self, case: Case<'_>, pairs: &'p [Pairs]) -> impl Iterator<Item = (&'p Pairs, Seat<'p>)> {
        let engine = self.turn(&case.release.engine.member.name);
        pairs
            .iter()
            .filter_map(move |pairs| Some((pairs, Seat::of(pairs, engine, self.turn(&pairs.plugin))?)))
    }
}

/// What a follower sits on, in steps.
struct Seat<'a> {
    cell: &'a Cell,
    standing: Standing,
    from: usize,
    until: Option<usize>,
}

impl<'a> Seat<'a> {
    /// Between the first turn and the last one engine and plugin are of two ages, and after it both are new.
    fn of(pairs: &'a Pairs, engine: Turn, plugin: Turn) -> Option<Self> {
        let first = engine.into_iter().chain(plugin).min()?;
        let last = engine.zip(plugin).map(|(engine, plugin)| engine.max(plugin));
        let is_public = |turn: Turn, step: usize| turn.is_some_and(|turn| turn <= step);
        let at = |step: usize| followed(pairs, is_public(engine, step), is_public(plugin, step));
        let end = last.map(at).filter(|(_, standing)| standing.sits());
        match (at(first), last) {
            ((cell, standing), Some(last)) if first < last && standing.sits() => {
                let until = end.is_none().then_some(last);
                Some(Self { cell, standing, from: first, until })
            }
            ((cell, standing), None) if standing.sits() => {
                Some(Self { cell, standing, from: first, until: None })
            }
            (_, Some(last)) => end.map(|(cell, standing)| Self { cell, standing, from: last, until: None }),
            _ => None,
        }
    }

    /// For how many steps; none where no step ends it.
    fn steps(&self) -> Option<usize> {
        self.until.map(|until| until - self.from)
    }

    fn told(&self, pairs: &Pairs, estimate: Duration) -> Sit {
        Sit {
            plugin: pairs.plugin.clone(),
            standing: self.standing,
            from: self.from,
            until: self.until,
            lasts: self.steps().map(|steps| times(estimate, steps)),
            text: self.cell.text.clone(),
        }
    }
}

fn times(estimate: Duration, steps: usize) -> Duration {
    estimate.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX))
}

/// The pair that a follower of a plugin is on, and how they fare.
fn followed(pairs: &Pairs, engine_is_public: bool, plugin_is_public: bool) -> (&Cell, Standing) {
    let age = |is_public| if is_public { Age::New } else { Age::Old };
    let newest = pairs.cell(age(engine_is_public), age(plugin_is_public));
    match newest.installs {
        Known::Known(true) => (newest, newest.standing()),
        Known::Known(false) => {
            let kept = pairs.cell(age(engine_is_public), Age::Old);
            (kept, kept.standing())
        }
        Known::Unknown(_) => (newest, Standing::Unknown),
    }
}

impl Cell {
    /// How they fare who are on this pair.
    pub(super) fn standing(&self) -> Standing {
        match &self.load {
            _ if self.demanded == Demand::Works => Standing::AsBefore,
            _ if self.outcome == Outcome::NotFound => Standing::NotFound,
            Known::Known(Load::Driven(Path::V2)) => Standing::WorksByV2,
            Known::Known(Load::Driven(Path::Apply)) => Standing::SilentlyByApply,
            Known::Known(Load::Refused) => Standing::Refused,
            Known::Unknown(_) => Standing::Unknown,
        }
    }
}

impl Standing {
    /// Whether nobody should be left there.
    pub fn sits(self) -> bool {
        !matches!(self, Self::WorksByV2 | Self::AsBefore)
    }
}

fn is_in(state: State) -> impl Fn(&Member) -> bool + Copy {
    move |member| member.state == state
}

/// How far a release is, by what is public now.
fn position(case: Case<'_>, pairs: &[Pairs]) -> Position {
    let order = case.release.in_order();
    let is_public = is_in(State::Released);
    let engine = &case.release.engine.member;
    let public: Vec<String> =
        order.iter().filter(|member| is_public(member)).map(|member| member.name.clone()).collect();
    let next = order.iter().find(|member| !is_public(member)).map(|member| match member.state {
        State::Withdrawn => format!(
            "release {} {} in place of {}, which was withdrawn",
            member.name,
            next_number(member, case.facts),
            member.to
        ),
        _ => format!("release {} {} (tag {})", member.name, member.to, member.tag),
    });
    let mut why = Vec::new();
    for (pairs, plugin) in pairs.iter().zip(&case.release.plugins) {
        let (cell, standing) = followed(pairs, is_public(engine), is_public(plugin));
        if standing.sits() {
            why.push(format!("{}: {}", plugin.name, cell.text));
        } else if engine.state == State::Withdrawn && is_public(plugin) {
            why.extend(kept_behind(pairs).map(|text| format!("{}: {text}", plugin.name)));
        }
    }
    let safe_to_stop = why.is_empty();
    if safe_to_stop {
        why.push(if public.is_empty() {
            "nothing is public: everything is as before".to_owned()
        } else {
            "whoever takes the newest of everything is on a pair that works".to_owned()
        });
    }
    Position { public, next, safe_to_stop, why }
}

impl Best {
    /// The order of what is still to be released in which followers sit least, all added up, and the one who sits longest too:
    /// the stated one where none is better.
    ///
    /// A plugin whose followers sit between the engine's release and its own goes before the engine; one that is built with
    /// the engine's module cannot, and comes right after it. Nobody sits on a plugin because it goes before its engine, unless
    /// for ever: what does not declare v2 works with no engine of a release.
    fn of(case: Case<'_>, pairs: &[Pairs]) -> Self {
        let engine = &case.release.engine.member;
        let stated: Vec<&Member> = case.release.in_order();
        let (planned, is_public) = (is_in(State::Planned), is_in(State::Released));
        let left: Vec<&Member> = stated.iter().copied().filter(|member| planned(member)).collect();
        let public: Vec<&Member> = stated.iter().copied().filter(|member| is_public(member)).collect();
        let cost = |order: &[&Member]| {
            let all: Vec<&Member> = public.iter().chain(order).copied().collect();
            Cost::of(case, pairs, &Turns::of(&all, is_public))
        };

        let places: BTreeMap<&str, Place> =
            pairs.iter().map(|pairs| (&*pairs.plugin, Place::of(pairs))).collect();
        let mut order = left.clone();
        order.sort_by_key(|member| places.get(&*member.name).copied().unwrap_or(Place::Engine));

        let can_be = !planned(engine)
            || case.release.plugins.iter().zip(pairs).all(|(plugin, pairs)| {
                !(planned(plugin) && pairs.needs_the_engine) || plugin.order > engine.order
            });
        let (own, best) = (cost(&left), cost(&order));
        let is_stated = can_be && best.price() == own.price();
        let (order, best) = if is_stated { (left, own) } else { (order, best) };
        let estimate = case.release.estimate;
        let mut told = Self {
            order: order.iter().map(|member| member.name.clone()).collect(),
            is_stated,
            is_safe: best.sum == 0 && best.endless.is_empty(),
            sits: times(estimate, best.sum),
            longest: times(estimate, best.longest),
            text: String::new(),
        };
        told.text = told.in_words(&best);
        told
    }

    fn in_words(&self, cost: &Cost<'_>) -> String {
        let none = if cost.is_guess { "no order is known to be safe" } else { "no order is safe" };
        if let Some(plugin) = cost.endless.first() {
            let others = match cost.endless.len() - 1 {
                0 => String::new(),
                1 => " and one other".to_owned(),
                others => format!(" and {others} others"),
            };
            return format!("{none}: no step ends what followers of {plugin}{others} come to sit on");
        }
        match (self.is_safe, self.is_stated, self.order.is_empty()) {
            (true, _, true) => "nothing is left to release".to_owned(),
            (true, true, _) => "the stated order is safe".to_owned(),
            (true, false, _) => format!("this order is safe: {}", self.order.join(", ")),
            (false, ..) => format!(
                "{none}: in the best one{} followers sit for {} altogether, and {} the longest",
                if self.is_stated { String::new() } else { format!(" ({})", self.order.join(", ")) },
                hours(self.sits),
                hours(self.longest)
            ),
        }
    }
}

/// Where a member stands in the best order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Before the engine.
    First,
    /// Where the engine stands.
    Engine,
    /// Right after the engine.
    Next,
    /// After all others.
    Last,
}

impl Place {
    fn of(pairs: &Pairs) -> Self {
        let sits = |plugin_is_public| followed(pairs, true, plugin_is_public).1.sits();
        // Whom the release of the plugin does not help, no order helps.
        match (sits(false) && !sits(true), pairs.needs_the_engine) {
            (true, false) => Self::First,
            (true, true) => Self::Next,
            (false, _) => Self::Last,
        }
    }
}

/// What an order costs, in steps.
#[derive(Debug)]
struct Cost<'a> {
    /// How long followers sit, all added up.
    sum: usize,
    /// How long the one of them does who sits longest.
    longest: usize,
    /// The plugins whose followers sit for ever.
    endless: Vec<&'a str>,
    /// Whether of someone it is not known whether they sit at all.
    is_guess: bool,
}

impl<'a> Cost<'a> {
    /// What orders are held against each other by.
    fn price(&self) -> (usize, usize, &[&'a str]) {
        (self.sum, self.longest, &self.endless)
    }

    fn of(case: Case<'_>, pairs: &'a [Pairs], turns: &Turns<'_>) -> Self {
        let mut cost = Self { sum: 0, longest: 0, endless: Vec::new(), is_guess: false };
        for (pairs, seat) in turns.sits(case, pairs) {
            cost.is_guess |= seat.standing == Standing::Unknown;
            match seat.steps() {
                Some(steps) => {
                    cost.sum += steps;
                    cost.longest = cost.longest.max(steps);
                }
                None => cost.endless.push(&pairs.plugin),
            }
        }
        cost
    }
}

/// A time in hours and minutes.
pub fn hours(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::release::{
        Facts, Release,
        testing::{POINT, Plain, Point, any_release, case, plain_follower, release},
    };

    const TO_0_57: (&str, &str) = ("0.56.0", "0.57.0");

    fn window_of(engine: (&str, &str), points: &[Point]) -> Window {
        let made = release(engine, points);
        window(case(&made))
    }

    #[test]
    fn at_0_57_followers_of_old_plugins_wait_for_their_turn() {
        let built_with_it = Point { pin: Some("v0.57.0"), ..POINT };
        let window = window_of(
            TO_0_57,
            &[built_with_it.clone(), built_with_it, Point { old_v2: Some(true), ..POINT }],
        );
        let sits: Vec<_> = window
            .sits
            .iter()
            .map(|sit| (&*sit.plugin, sit.standing, sit.from, sit.until, sit.lasts))
            .collect();
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!(
            sits,
            [("a", Standing::Refused, 1, Some(2), hours(3)), ("b", Standing::Refused, 1, Some(3), hours(6))]
        );
        let sitting: Vec<_> =
            window.steps.iter().map(|step| (step.released.as_deref(), step.sitting)).collect();
        assert_eq!(
            sitting,
            [(None, 0), (Some("workflow"), 2), (Some("a"), 1), (Some("b"), 0), (Some("c"), 0)]
        );
        assert!(window.best.is_stated && !window.best.is_safe);
        assert_eq!(
            window.best.text,
            "no order is safe: in the best one followers sit for 9 h altogether, and 6 h the longest"
        );
        assert_eq!(window.position.next.as_deref(), Some("release workflow 0.57.0 (tag v0.57.0)"));
        assert!(window.position.safe_to_stop);
    }

    #[test]
    fn plugins_that_can_go_first_make_the_order_safe() {
        let window = window_of(TO_0_57, &[POINT, Point { old_v2: Some(true), ..POINT }]);
        assert_eq!(
            window.best.order,
            ["a", "workflow", "b"],
            "an old engine does not install it, and nobody waits"
        );
        assert!(window.best.is_safe && !window.best.is_stated);
        assert_eq!(window.best.text, "this order is safe: a, workflow, b");
    }

    #[test]
    fn at_0_54_followers_are_on_apply_without_a_word() {
        let aws = Point { from: "1.1.0", to: "1.2.1", oldest: Some("0.54.0"), pin: Some("v0.54.0"), ..POINT };
        let late = Point { from: "1.1.0", to: "1.2.0", new_v2: Some(false), ..aws.clone() };
        let window = window_of(("0.53.0", "0.54.0"), &[aws, late]);
        let sits: Vec<_> = window.sits.iter().map(|sit| (sit.standing, sit.from, sit.until)).collect();
        assert_eq!(
            sits,
            [(Standing::SilentlyByApply, 1, Some(2)), (Standing::SilentlyByApply, 1, None)],
            "no step ends it for the one that declares v2 one release late"
        );
        assert!(window.best.text.starts_with("no order is safe: no step ends"), "{}", window.best.text);
    }

    #[test]
    fn digitalocean_stays_on_its_old_version_where_the_new_one_is_not_installed() {
        let digitalocean = Point { oldest: Some("0.57.1"), ..POINT };
        let declared = Point { old_v2: Some(true), ..digitalocean.clone() };
        let window = window_of(TO_0_57, &[digitalocean, declared]);
        let sits: Vec<_> = window.sits.iter().map(|sit| (&*sit.plugin, sit.from, sit.until)).collect();
        assert_eq!(sits, [("a", 1, None)]);
        assert_eq!(window.sits[0].text, "engine 0.57.0 refuses 1.2.1 at load");
    }

    #[test]
    fn in_the_window_it_is_said_where_one_can_stop() {
        let public = Point { state: State::Released, ..POINT };
        let with_engine = |state: State, points: &[Point]| {
            let mut made = release(TO_0_57, points);
            made.0.engine.member.state = state;
            window(case(&made)).position
        };
        let midway = with_engine(State::Released, &[public.clone(), POINT]);
        assert_eq!(midway.public, ["workflow", "a"]);
        assert_eq!(midway.next.as_deref(), Some("release b 2.0.0 (tag v2.0.0)"));
        assert!(!midway.safe_to_stop);
        assert_eq!(midway.why, ["b: engine 0.57.0 refuses 1.2.1 at load"]);

        let over = with_engine(State::Released, &[public.clone(), public.clone()]);
        assert!(over.safe_to_stop && over.next.is_none());

        let withdrawn = with_engine(State::Withdrawn, &[public, POINT]);
        assert_eq!(withdrawn.public, ["a"]);
        assert_eq!(
            withdrawn.next.as_deref(),
            Some("release workflow 0.57.1 in place of 0.57.0, which was withdrawn")
        );
        assert!(
            !withdrawn.safe_to_stop,
            "who has the new plugin goes back to an engine that it was not made for"
        );
        assert!(withdrawn.why[0].starts_with("a: engine 0.56.0 drives 2.0.0 by v2 where it is there"));
    }

    #[test]
    fn many_plugins_are_nothing_special() {
        let many = vec![Point { pin: Some("v0.57.0"), ..POINT }; 1000];
        let window = window_of(TO_0_57, &many);
        assert_eq!(window.best.sits, Duration::from_secs(3 * 3600) * (1000 * 1001 / 2));
        assert_eq!(window.steps[1].sitting, 1000);
        assert_eq!(window.steps[1000].sitting, 1);
    }

    /// How followers fare step by step: for each step, and each plugin.
    fn fares(release: &Release, points: &[Point], order: &[&Member], public: &[&str]) -> Vec<Vec<Plain>> {
        let steps = (0..=order.len()).map(|step| {
            let released: Vec<&str> =
                order[..step].iter().map(|member| &*member.name).chain(public.iter().copied()).collect();
            let is_public = |member: &Member| released.contains(&&*member.name);
            let plugins = release.plugins.iter().zip(points);
            plugins.map(|(plugin, point)| plain_follower(release, point, &is_public, plugin)).collect()
        });
        steps.collect()
    }

    /// For how many steps followers sit, all added up, and the longest of one, without those who do in the end.
    fn price(fares: &[Vec<Plain>]) -> (usize, usize) {
        let (last, plugins) = (fares.len() - 1, fares[0].len());
        let sits = (0..plugins).filter(|plugin| fares[last][*plugin] == Plain::Good);
        let sits: Vec<usize> =
            sits.map(|plugin| fares.iter().filter(|step| step[plugin] != Plain::Good).count()).collect();
        (sits.iter().sum(), sits.iter().copied().max().unwrap_or(0))
    }

    fn permutations<'a>(members: &[&'a Member]) -> Vec<Vec<&'a Member>> {
        if members.is_empty() {
            return vec![Vec::new()];
        }
        let first = |at: usize| {
            let mut rest = members.to_vec();
            let first = rest.remove(at);
            permutations(&rest).into_iter().map(move |order| [vec![first], order].concat())
        };
        (0..members.len()).flat_map(first).collect()
    }

    /// Whether no plugin comes before the engine with whose module it is built.
    fn can_be(release: &Release, points: &[Point], order: &[&Member]) -> bool {
        let engine = &release.engine.member;
        let turn = |name: &str| order.iter().position(|member| member.name == name);
        let plugins = release.plugins.iter().zip(points);
        turn(&engine.name).is_none_or(|engines| {
            plugins.into_iter().all(|(plugin, point)| {
                let pins = ["v0.53.0", "v0.54.0", "v0.57.0", "v0.57.1"];
                let pin = point.pin.filter(|pin| pins.contains(pin));
                let needs = pin.is_some_and(|pin| crate::release::testing::version(&pin[1..]) >= engine.to);
                engine.from == engine.to || !needs || turn(&plugin.name).is_none_or(|turn| turn > engines)
            })
        })
    }

    fn in_state(release: &Release, state: State) -> Vec<&Member> {
        release.in_order().into_iter().filter(|member| member.state == state).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

        #[test]
        fn no_order_is_better_than_the_best((release, facts, points) in any_release()) {
            let made: (Release, Facts) = (release, facts);
            let release = &made.0;
            let best = window(case(&made)).best;
            let left = in_state(release, State::Planned);
            let public: Vec<&str> = in_state(release, State::Released).iter().map(|member| &*member.name).collect();
            let priced = |order: &[&Member]| price(&fares(release, &points, order, &public));
            let in_steps = |time: Duration| usize::try_from(time.as_secs() / (3 * 3600)).unwrap();

            let orders: Vec<_> =
                permutations(&left).into_iter().filter(|order| can_be(release, &points, order)).collect();
            let least = orders.iter().map(|order| priced(order)).min();
            prop_assert_eq!(Some((in_steps(best.sits), in_steps(best.longest))), least);
            let order = orders
                .iter()
                .find(|order| order.iter().map(|member| &member.name).eq(best.order.iter()))
                .expect("the best order is one of those that can be");
            prop_assert_eq!(Some(priced(order)), least);
            prop_assert_eq!(best.is_stated, can_be(release, &points, &left) && Some(priced(&left)) == least);
            let nobody_sits = fares(release, &points, order, &public)
                .iter()
                .all(|step| step.iter().all(|fares| *fares == Plain::Good));
            prop_assert_eq!(best.is_safe, nobody_sits);
        }

        #[test]
        fn each_step_is_as_it_is_walked((release, facts, points) in any_release()) {
            let made: (Release, Facts) = (release, facts);
            let release = &made.0;
            let window = window(case(&made));
            let order: Vec<&Member> =
                release.in_order().into_iter().filter(|member| member.state != State::Withdrawn).collect();
            let fares = fares(release, &points, &order, &[]);
            prop_assert_eq!(window.steps.len(), fares.len());
            for (number, (step, fares)) in window.steps.iter().zip(&fares).enumerate() {
                let sitting = fares.iter().filter(|fares| **fares != Plain::Good).count();
                prop_assert_eq!(step.sitting, sitting, "in step {}", number);
                for (plugin, fares) in release.plugins.iter().zip(fares) {
                    let mut sits = window.sits.iter().filter(|sit| sit.plugin == plugin.name);
                    let sits = sits.any(|sit| sit.from <= number && sit.until.is_none_or(|until| number < until));
                    prop_assert_eq!(sits, *fares != Plain::Good, "{} in step {}", plugin.name, number);
                }
            }
        }
    }
}
