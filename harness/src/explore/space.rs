//! The space that exploration walks through: kinds of actions by faults by positions by outcomes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use counterfoil_core::{
    outcome::Status,
    plan::ActionKind,
    scenario::{CancelPoint, Fault, FaultKind, Hook, ResolvePoint, Scenario, TransportKind},
    trace::Trace,
};

/// The kind of an action, whatever its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A create.
    Create,
    /// An update.
    Update,
    /// A replace.
    Replace,
    /// A delete.
    Delete,
    /// A word that no engine knows.
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Replace, Self::Delete, Self::Unknown];

    /// The kind of an action.
    pub fn of(kind: &ActionKind) -> Self {
        match kind {
            ActionKind::Create => Self::Create,
            ActionKind::Update => Self::Update,
            ActionKind::Replace => Self::Replace,
            ActionKind::Delete => Self::Delete,
            ActionKind::Unknown(_) => Self::Unknown,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What goes wrong about an action, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// Nothing does.
    None,
    /// Its config does not resolve.
    Unresolved,
    /// There is no driver for it.
    NoDriver,
    /// The same, and known before the first action.
    NoDriverAtPreflight,
    /// A call fails before it arrives.
    CallFails,
    /// A call does its work, and fails.
    ReplyFails,
    /// The way to the provider fails before the call arrives.
    CallLost,
    /// The way fails behind the work of the call.
    ReplyLost,
    /// A reply is late.
    ReplyLate,
    /// A reply never comes.
    Hang,
    /// A reply is altered on its way.
    ReplyAltered,
    /// A hook fails.
    HookFails(Hook),
    /// The context ends before it.
    CancelledBefore,
    /// The context ends within it.
    CancelledDuring,
    /// The context ends behind it.
    CancelledAfter,
}

impl Trouble {
    /// Every one that a scenario can have.
    pub const ALL: [Self; 18] = [
        Self::None,
        Self::Unresolved,
        Self::NoDriver,
        Self::NoDriverAtPreflight,
        Self::CallFails,
        Self::ReplyFails,
        Self::CallLost,
        Self::ReplyLost,
        Self::ReplyLate,
        Self::Hang,
        Self::ReplyAltered,
        Self::HookFails(Hook::BeforeAction),
        Self::HookFails(Hook::ResourceApplied),
        Self::HookFails(Hook::ResourceDeleted),
        Self::HookFails(Hook::ActionComplete),
        Self::CancelledBefore,
        Self::CancelledDuring,
        Self::CancelledAfter,
    ];

    /// What a fault is to the action that it strikes; none for what strikes no single one.
    fn of(fault: &Fault) -> Option<(usize, Self)> {
        let cancelled = |at: &CancelPoint| match *at {
            CancelPoint::Before(action) => (action, Self::CancelledBefore),
            CancelPoint::During(action, _) => (action, Self::CancelledDuring),
            CancelPoint::After(action) => (action, Self::CancelledAfter),
        };
        let trouble = match &fault.kind {
            FaultKind::Cancel { at } => return Some(cancelled(at)),
            FaultKind::JitError => Self::Unresolved,
            FaultKind::DriverResolveError { at: ResolvePoint::Dispatch } => Self::NoDriver,
            FaultKind::DriverResolveError { at: ResolvePoint::Preflight } => Self::NoDriverAtPreflight,
            FaultKind::DispatchError { reaches_provider: false, .. } => Self::CallFails,
            FaultKind::DispatchError { reaches_provider: true, .. } => Self::ReplyFails,
            FaultKind::Transport { kind: TransportKind::Delay(_), .. } => Self::ReplyLate,
            FaultKind::Transport { kind: TransportKind::Hang, .. } => Self::Hang,
            FaultKind::Transport { reaches_provider: false, .. } => Self::CallLost,
            FaultKind::Transport { reaches_provider: true, .. } => Self::ReplyLost,
            FaultKind::Wire { .. } => Self::ReplyAltered,
            FaultKind::HookError { hook, .. } => Self::HookFails(*hook),
            FaultKind::FinalizeError { .. } => return None,
        };
        Some((fault.action?, trouble))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "nothing",
            Self::Unresolved => "jit-error",
            Self::NoDriver => "driver-resolve-error",
            Self::NoDriverAtPreflight => "the same, at preflight",
            Self::CallFails => "dispatch-error",
            Self::ReplyFails => "the same, behind the work",
            Self::CallLost => "transport, call lost",
            Self::ReplyLost => "transport, reply lost",
            Self::ReplyLate => "transport, delay",
            Self::Hang => "transport, hang",
            Self::ReplyAltered => "wire",
            Self::HookFails(Hook::BeforeAction) => "hook-error, before-action",
            Self::HookFails(Hook::ResourceApplied) => "hook-error, resource-applied",
            Self::HookFails(Hook::ResourceDeleted) => "hook-error, resource-deleted",
            Self::HookFails(Hook::ActionComplete) => "hook-error, action-complete",
            Self::HookFails(Hook::PlanComplete) => "hook-error, plan-complete",
            Self::CancelledBefore => "cancel, before",
            Self::CancelledDuring => "cancel, during",
            Self::CancelledAfter => "cancel, after",
        })
    }
}

/// Where in its plan an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// Nothing stands beside it.
    Only,
    /// Others come after it.
    First,
    /// It stands between others.
    Middle,
    /// Others came before it.
    Last,
}

impl Position {
    /// Every position.
    pub const ALL: [Self; 4] = [Self::Only, Self::First, Self::Middle, Self::Last];

    /// That of an action among so many.
    pub fn of(action: usize, actions: usize) -> Self {
        match (action, actions) {
            (_, 1) => Self::Only,
            (0, _) => Self::First,
            _ if action + 1 == actions => Self::Last,
            _ => Self::Middle,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Only => "only",
            Self::First => "first",
            Self::Middle => "middle",
            Self::Last => "last",
        })
    }
}

/// A corner of the space that a scenario can be made for. What comes of it is not for the scenario to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Corner {
    /// The kind of the action.
    pub kind: Kind,
    /// What goes wrong about it.
    pub trouble: Trouble,
    /// Where it stands.
    pub position: Position,
}

impl Corner {
    /// Whether a scenario can be in it: an action that no engine knows makes no call and has no driver, and some hooks
    /// are about one kind of action.
    pub fn exists(self) -> bool {
        match (self.trouble, self.kind) {
            (
                Trouble::None
                | Trouble::CancelledBefore
                | Trouble::CancelledAfter
                | Trouble::HookFails(Hook::BeforeAction | Hook::ActionComplete)
                | Trouble::Unresolved
                | Trouble::NoDriver,
                _,
            ) => true,
            (Trouble::NoDriverAtPreflight, kind) => kind == Kind::Replace,
            (Trouble::HookFails(Hook::ResourceApplied), kind) => {
                matches!(kind, Kind::Create | Kind::Update | Kind::Replace)
            }
            (Trouble::HookFails(Hook::ResourceDeleted), kind) => matches!(kind, Kind::Replace | Kind::Delete),
            (Trouble::HookFails(Hook::PlanComplete), _) => false,
            (_, kind) => kind != Kind::Unknown,
        }
    }

    /// Every corner that exists.
    pub fn all() -> impl Iterator<Item = Self> {
        let kinds = Kind::ALL.into_iter();
        let troubled = kinds.flat_map(|kind| Trouble::ALL.into_iter().map(move |trouble| (kind, trouble)));
        let corners = troubled.flat_map(|(kind, trouble)| {
            Position::ALL.into_iter().map(move |position| Self { kind, trouble, position })
        });
        corners.filter(|corner| corner.exists())
    }
}

/// How often each corner was reached, and with which outcomes.
#[derive(Clone, Debug, Default)]
pub struct Space {
    cells: BTreeMap<Corner, BTreeMap<Option<Status>, u64>>,
}

impl Space {
    /// Enters a run that came to its end.
    pub fn enter(&mut self, scenario: &Scenario, trace: &Trace) {
        let Some((result, ..)) = trace.end() else { return };
        let statuses: BTreeMap<u32, Status> =
            result.outcomes.iter().map(|outcome| (outcome.action_index, outcome.status)).collect();
        let mut struck: BTreeMap<usize, BTreeSet<Trouble>> = BTreeMap::new();
        for (action, trouble) in scenario.faults.iter().filter_map(Trouble::of) {
            struck.entry(action).or_default().insert(trouble);
        }
        let actions = &scenario.plan.actions;
        for (at, action) in actions.iter().enumerate() {
            let status = u32::try_from(at).ok().and_then(|at| statuses.get(&at).copied());
            let troubles = struck.remove(&at).unwrap_or_else(|| BTreeSet::from([Trouble::None]));
            for trouble in troubles {
                let (kind, position) = (Kind::of(&action.kind), Position::of(at, actions.len()));
                let cell = self.cells.entry(Corner { kind, trouble, position }).or_default();
                *cell.entry(status).or_default() += 1;
            }
        }
    }

    /// How often a corner was reached.
    pub fn visits(&self, corner: Corner) -> u64 {
        self.cells.get(&corner).map_or(0, |cell| cell.values().sum())
    }

    /// The outcomes with which a corner was reached, each with how often; none for an action without an outcome.
    pub fn outcomes(&self, corner: Corner) -> impl Iterator<Item = (Option<Status>, u64)> + '_ {
        self.cells.get(&corner).into_iter().flatten().map(|(status, times)| (*status, *times))
    }

    /// The corners that were reached the least, the one that was reached the least first. Where time is lost by waiting, a
    /// visit counts for many.
    pub fn barest(&self) -> Vec<Corner> {
        let weight = |corner: &Corner| if corner.trouble == Trouble::Hang { 20 } else { 1 };
        let mut corners: Vec<Corner> = Corner::all().collect();
        corners.sort_by_key(|corner| weight(corner) * self.visits(*corner));
        corners
    }

    /// How many of the corners that exist were reached, and how many exist.
    pub fn reached(&self) -> (usize, usize) {
        let all: Vec<Corner> = Corner::all().collect();
        (all.iter().filter(|corner| self.visits(**corner) > 0).count(), all.len())
    }

    /// How many cells were reached: corners, each with every outcome that it had.
    pub fn cells(&self) -> usize {
        self.cells.values().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_reached_is_the_barest() {
        let mut space = Space::default();
        let corner = Corner { kind: Kind::Create, trouble: Trouble::None, position: Position::Only };
        space.cells.entry(corner).or_default().insert(Some(Status::Success), 3);
        assert_eq!((space.visits(corner), space.cells()), (3, 1));
        let (reached, all) = space.reached();
        assert_eq!(reached, 1);
        let barest = space.barest();
        assert_eq!((barest.len(), barest.last()), (all, Some(&corner)));
    }

    #[test]
    fn corners_are_all_different_and_those_of_unknown_actions_make_no_calls() {
        let corners: Vec<Corner> = Corner::all().collect();
        assert_eq!(corners.iter().collect::<BTreeSet<_>>().len(), corners.len());
        let struck = |corner: &&Corner| corner.kind == Kind::Unknown && corner.trouble == Trouble::CallFails;
        assert_eq!(corners.iter().find(struck), None);
    }
}
