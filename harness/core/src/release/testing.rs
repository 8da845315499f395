//! Releases for tests, and the plain way to tell how somebody fares in one.

use proptest::{collection::vec, option, prelude::*, sample::select};
use semver::Version;

use super::{Case, Facts, Known, Member, Release, RuleState, State};
use crate::mutants::good_release;

/// A plugin, before and after.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// Whether the old one declares v2; none where that is not known.
    pub(super) old_v2: Option<bool>,
    /// Whether the new one does.
    pub(super) new_v2: Option<bool>,
    /// What the new one states as minEngineVersion.
    pub(super) oldest: Option<&'static str>,
    /// The engine's module that the new one is built with.
    pub(super) pin: Option<&'static str>,
    pub(super) state: State,
}

pub(super) const POINT: Point = Point {
    from: "1.2.1",
    to: "2.0.0",
    old_v2: Some(false),
    new_v2: Some(true),
    oldest: Some("0.57.0"),
    pin: None,
    state: State::Planned,
};

pub(super) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// A release of an engine and of plugins called `a`, `b`, …, the engine first.
pub(super) fn release(engine: (&str, &str), points: &[Point]) -> (Release, Facts) {
    let (mut release, mut facts) = good_release();
    let (plugin, found) = (release.plugins.swap_remove(0), facts.plugins.swap_remove(0));
    let member = &mut release.engine.member;
    (member.from, member.to) = (version(engine.0), version(engine.1));
    let declares = |v2: Option<bool>| {
        move |known: &mut Known<super::Tested>| match (v2, &mut *known) {
            (Some(v2), Known::Known(tested)) => {
                let state = if v2 { RuleState::Held } else { RuleState::Broken };
                tested.rules.insert("CAP-006".to_owned(), state);
            }
            _ => *known = Known::Unknown("nobody tested it".to_owned()),
        }
    };
    (release.plugins, facts.plugins) = (Vec::new(), Vec::new());
    for (number, point) in (0_u32..).zip(points) {
        let mut plugin = plugin.clone();
        plugin.name = name(number);
        (plugin.from, plugin.to) = (version(point.from), version(point.to));
        (plugin.order, plugin.state) = (number + 2, point.state);
        plugin.tag = format!("v{}", point.to);
        release.plugins.push(plugin);
        let mut found = found.clone();
        declares(point.old_v2)(&mut found.previous.tested);
        for (platform, artefact) in &mut found.platforms {
            if *platform == facts.here {
                declares(point.new_v2)(&mut artefact.tested);
            }
            if let Known::Known(manifest) = &mut artefact.manifest {
                manifest.min_engine_version = point.oldest.map(ToOwned::to_owned);
            }
            if let Known::Known(build) = &mut artefact.build {
                build.engine = point.pin.map(ToOwned::to_owned);
            }
        }
        facts.plugins.push(found);
    }
    (release, facts)
}

pub(super) fn name(number: u32) -> String {
    char::from_u32(u32::from(b'a') + number)
        .filter(char::is_ascii_lowercase)
        .map_or_else(|| format!("p{number}"), String::from)
}

/// How somebody fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Good,
    Bad,
    NotKnown,
}

/// How those fare whose plugin does not come from before with its engine: what does not declare v2 is refused, or driven
/// through `Apply`.
fn by_v2(declares_v2: Option<bool>) -> Plain {
    declares_v2.map_or(Plain::NotKnown, |declares| if declares { Plain::Good } else { Plain::Bad })
}

/// How the followers of a plugin fare where these members are public.
pub(super) fn plain_follower(
    release: &Release,
    point: &Point,
    is_public: &dyn Fn(&Member) -> bool,
    plugin: &Member,
) -> Plain {
    let engine = &release.engine.member;
    let with = if is_public(engine) { &engine.to } else { &engine.from };
    let (stays, moved) = (point.from == point.to, engine.from != engine.to && is_public(engine));
    let takes_new = is_public(plugin) && point.oldest.is_none_or(|oldest| version(oldest) <= *with);
    match (moved, takes_new && !stays) {
        (false, false) => Plain::Good,
        (_, true) => by_v2(point.new_v2),
        (true, false) => by_v2(if stays { point.new_v2 } else { point.old_v2 }),
    }
}

/// How those fare who have a plugin, whoever installed it, where the engine and the plugin are kept or not.
pub(super) fn plain_holder(release: &Release, point: &Point, engine_kept: bool, plugin_kept: bool) -> Plain {
    let engine = &release.engine.member;
    let with = if engine_kept { &engine.to } else { &engine.from };
    let moved = engine_kept && engine.from != engine.to;
    let is_new = plugin_kept && point.from != point.to;
    let is_let_in = point.oldest.is_none_or(|oldest| version(oldest) <= *with);
    match (moved, is_new) {
        (false, false) => Plain::Good,
        (true, false) if point.from != point.to => by_v2(point.old_v2),
        _ if by_v2(point.new_v2) == Plain::Good && !is_let_in => Plain::Bad,
        _ => by_v2(point.new_v2),
    }
}

/// Any release of up to five members, in any order and in any state.
pub(super) fn any_release() -> impl Strategy<Value = (Release, Facts, Vec<Point>)> {
    let engines = [
        ("0.53.0", "0.54.0"),
        ("0.55.0", "0.56.0"),
        ("0.56.0", "0.57.0"),
        ("0.57.0", "0.57.1"),
        ("0.57.0", "0.57.0"),
    ];
    let states = || select(State::ALL.to_vec());
    let point = (
        prop::bool::weighted(0.1),
        option::weighted(0.9, any::<bool>()),
        option::weighted(0.9, any::<bool>()),
        option::of(select(vec!["0.50.1", "0.54.0", "0.56.0", "0.57.0", "0.57.1"])),
        option::of(select(vec!["v0.53.0", "v0.54.0", "v0.57.0", "v0.57.1", "v0.57.0-rc1"])),
        states(),
    );
    let point = point.prop_map(|(stays, old_v2, new_v2, oldest, pin, state)| Point {
        from: if stays { POINT.to } else { POINT.from },
        old_v2,
        new_v2,
        oldest,
        pin,
        state,
        ..POINT
    });
    let all = (select(engines.to_vec()), states(), vec(point, 1..5), any::<bool>());
    all.prop_flat_map(|(engine, state, mut points, is_before)| {
        // Mostly before the window, which is what has most orders.
        let state = if is_before { State::Planned } else { state };
        if is_before {
            for point in &mut points {
                point.state = State::Planned;
            }
        }
        let orders = (1..=u32::try_from(points.len()).unwrap() + 1).collect::<Vec<u32>>();
        Just(orders).prop_shuffle().prop_map(move |orders| {
            let (mut release, facts) = release(engine, &points);
            release.engine.member.state = state;
            release.engine.member.order = orders[0];
            for (plugin, order) in release.plugins.iter_mut().zip(&orders[1..]) {
                plugin.order = *order;
            }
            (release, facts, points.clone())
        })
    })
}

/// The release and what was found out about it.
pub(super) fn case((release, facts): &(Release, Facts)) -> Case<'_> {
    Case { release, facts }
}
