//! What each method of the contract is asked with: a request that is in order, and which parts of it must be.

use std::sync::LazyLock;

use bytes::Bytes;
use counterfoil_proto::{
    Contract, Revision,
    contract::Method,
    edit::{Edit, Value},
};

use super::Trial;

/// The package of the services that a plugin serves for an engine, with the point behind it.
pub const PACKAGE: &str = "workflow.plugin.external.iac.";

/// How far a call goes that a provider takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is answered from what the provider knows itself.
    Local,
    /// It looks into the cloud.
    Cloud,
    /// It changes something.
    Change,
}

/// What is known of the requests of a method.
#[derive(Debug)]
pub struct Request {
    /// The method, without its package.
    pub method: &'static str,
    /// How far the call goes.
    pub reach: Reach,
    /// The fields of a request that is in order.
    fields: &'static [(&'static str, Field)],
    /// The messages that it needs.
    pub needed: &'static [&'static str],
    /// The fields that hold a JSON object.
    pub json: &'static [&'static str],
    /// Whether it must name a resource type that the provider has (E-161).
    pub typed: bool,
    /// The field that names a new resource.
    pub named: Option<&'static str>,
    /// Whether a provider may act on an empty request, in its cloud or in itself.
    pub acts_when_empty: bool,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
enum Field {
    /// A resource type that the provider has.
    Type,
    /// The name of the resource.
    Name,
    /// The provider's own id of the resource.
    Id,
    /// This.
    Text(&'static str),
    /// This.
    Number(i64),
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// A resource type that the provider has.
    pub resource_type: &'a str,
    /// The name of a resource.
    pub name: &'a str,
    /// Its id.
    pub provider_id: &'a str,
}

/// JSON that is cut short.
const CUT_SHORT: &str = "{\"name\":";

/// A JSON object of 16 MiB.
static LARGE: LazyLock<String> = LazyLock::new(|| ["{\"padding\":\"", &"p".repeat(16 << 20), "\"}"].concat());

/// A resource type that no provider has.
const UNKNOWN_TYPE: &str = "infra.counterfoil_of_nobody";

/// The text of a JSON object without a member.
const OBJECT: Field = Field::Text("{}");

const SPEC: [(&str, Field); 3] =
    [("spec.name", Field::Name), ("spec.type", Field::Type), ("spec.config_json", OBJECT)];

/// Requests of a driver about a resource that exists.
const REFERENCE: &[(&str, Field)] = &[
    ("resource_type", Field::Type),
    ("ref.name", Field::Name),
    ("ref.type", Field::Type),
    ("ref.provider_id", Field::Id),
];

/// Requests about a list of resources, with one in it.
const REFERENCES: &[(&str, Field)] =
    &[("refs.0.name", Field::Name), ("refs.0.type", Field::Type), ("refs.0.provider_id", Field::Id)];

/// Requests about a plan with one action.
const PLAN: &[(&str, Field)] = &[
    ("plan.id", Field::Text("counterfoil")),
    ("plan.actions.0.action", Field::Text("create")),
    ("plan.actions.0.resource.name", Field::Name),
    ("plan.actions.0.resource.type", Field::Type),
    ("plan.actions.0.resource.config_json", OBJECT),
];

/// Requests about a job that was begun.
const JOB: &[(&str, Field)] = &[("id", Field::Id), ("name", Field::Name)];

/// What most methods have in common.
const NOTHING: Request = Request {
    method: "",
    reach: Reach::Local,
    fields: &[],
    needed: &[],
    json: &[],
    typed: false,
    named: None,
    acts_when_empty: false,
};

const fn driver(method: &'static str, reach: Reach) -> Request {
    Request { method, reach, fields: REFERENCE, needed: &["ref"], typed: true, ..NOTHING }
}

/// Every method of the contract.
pub const ALL: &[Request] = &[
    Request {
        method: "IaCProviderRequired/Initialize",
        reach: Reach::Change,
        fields: &[("config_json", OBJECT)],
        json: &["config_json"],
        acts_when_empty: true,
        ..NOTHING
    },
    Request { method: "IaCProviderRequired/Name", ..NOTHING },
    Request { method: "IaCProviderRequired/Version", ..NOTHING },
    Request { method: "IaCProviderRequired/Capabilities", ..NOTHING },
    Request {
        method: "IaCProviderRequired/Plan",
        reach: Reach::Cloud,
        fields: &[
            ("desired.0.name", Field::Name),
            ("desired.0.type", Field::Type),
            ("desired.0.config_json", OBJECT),
        ],
        json: &["desired.0.config_json"],
        ..NOTHING
    },
    Request {
        method: "IaCProviderRequired/Apply",
        reach: Reach::Change,
        fields: PLAN,
        needed: &["plan"],
        ..NOTHING
    },
    Request { method: "IaCProviderRequired/Destroy", reach: Reach::Change, fields: REFERENCES, ..NOTHING },
    Request { method: "IaCProviderRequired/Status", reach: Reach::Cloud, fields: REFERENCES, ..NOTHING },
    Request {
        method: "IaCProviderRequired/Import",
        reach: Reach::Cloud,
        fields: &[("provider_id", Field::Id), ("resource_type", Field::Type)],
        ..NOTHING
    },
    Request {
        method: "IaCProviderRequired/ResolveSizing",
        fields: &[("resource_type", Field::Type), ("size", Field::Text("s"))],
        ..NOTHING
    },
    Request {
        method: "IaCProviderRequired/BootstrapStateBackend",
        reach: Reach::Change,
        fields: &[("config_json", OBJECT)],
        json: &["config_json"],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "ResourceDriver/Create",
        reach: Reach::Change,
        fields: &[("resource_type", Field::Type), SPEC[0], SPEC[1], SPEC[2]],
        needed: &["spec"],
        json: &["spec.config_json"],
        typed: true,
        named: Some("spec.name"),
        ..NOTHING
    },
    driver("ResourceDriver/Read", Reach::Cloud),
    Request {
        method: "ResourceDriver/Update",
        reach: Reach::Change,
        fields: &[REFERENCE[0], REFERENCE[1], REFERENCE[2], REFERENCE[3], SPEC[0], SPEC[1], SPEC[2]],
        needed: &["ref", "spec"],
        json: &["spec.config_json"],
        typed: true,
        ..NOTHING
    },
    driver("ResourceDriver/Delete", Reach::Change),
    // Without `current` it asks about a resource that is still to come, which a provider may answer.
    Request {
        method: "ResourceDriver/Diff",
        fields: &[
            ("resource_type", Field::Type),
            ("desired.name", Field::Name),
            ("desired.type", Field::Type),
            ("desired.config_json", OBJECT),
            ("current.name", Field::Name),
            ("current.type", Field::Type),
            ("current.provider_id", Field::Id),
            ("current.outputs_json", OBJECT),
        ],
        needed: &["desired"],
        json: &["desired.config_json", "current.outputs_json"],
        typed: true,
        ..NOTHING
    },
    Request {
        fields: &[REFERENCE[0], REFERENCE[1], REFERENCE[2], REFERENCE[3], ("replicas", Field::Number(2))],
        ..driver("ResourceDriver/Scale", Reach::Change)
    },
    driver("ResourceDriver/HealthCheck", Reach::Cloud),
    Request {
        method: "ResourceDriver/SensitiveKeys",
        fields: &[("resource_type", Field::Type)],
        typed: true,
        ..NOTHING
    },
    Request {
        fields: &[
            REFERENCE[0],
            REFERENCE[1],
            REFERENCE[2],
            REFERENCE[3],
            ("failure_msg", Field::Text("it did not start")),
        ],
        ..driver("ResourceDriver/Troubleshoot", Reach::Cloud)
    },
    Request {
        method: "IaCProviderFinalizer/FinalizeApply",
        reach: Reach::Change,
        fields: &[("plan_id", Field::Text("counterfoil"))],
        ..NOTHING
    },
    Request { method: "IaCProviderValidator/ValidatePlan", fields: PLAN, ..NOTHING },
    Request {
        method: "IaCProviderEnumerator/EnumerateAll",
        reach: Reach::Cloud,
        fields: &[("resource_type", Field::Type)],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderEnumerator/EnumerateByTag",
        reach: Reach::Cloud,
        fields: &[("tag", Field::Text("counterfoil"))],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderDriftDetector/DetectDrift",
        reach: Reach::Cloud,
        fields: REFERENCES,
        ..NOTHING
    },
    Request {
        method: "IaCProviderDriftDetector/DetectDriftWithSpecs",
        reach: Reach::Cloud,
        fields: REFERENCES,
        ..NOTHING
    },
    Request {
        method: "IaCProviderDriftConfigDetector/DetectDriftConfig",
        reach: Reach::Cloud,
        fields: REFERENCES,
        ..NOTHING
    },
    Request {
        method: "IaCProviderCredentialRevoker/RevokeProviderCredential",
        reach: Reach::Change,
        fields: &[
            ("source", Field::Text("counterfoil")),
            ("credential_id", Field::Text("counterfoil-of-nobody")),
        ],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderMigrationRepairer/RepairDirtyMigration",
        reach: Reach::Change,
        fields: &[("request.app_resource_name", Field::Name)],
        needed: &["request"],
        ..NOTHING
    },
    Request {
        method: "IaCProviderLogCapture/CaptureLogs",
        reach: Reach::Cloud,
        fields: &[
            ("resource_name", Field::Name),
            ("resource_type", Field::Type),
            ("provider_id", Field::Id),
            ("log_type", Field::Text("run")),
            ("tail_lines", Field::Number(10)),
            ("duration_seconds", Field::Number(1)),
        ],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderRegionLister/ListRegions",
        reach: Reach::Cloud,
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderOwnership/GetOwner",
        reach: Reach::Cloud,
        fields: &[("ref.name", Field::Name), ("ref.type", Field::Type), ("ref.provider_id", Field::Id)],
        needed: &["ref"],
        ..NOTHING
    },
    Request {
        method: "IaCProviderOwnership/SetOwner",
        reach: Reach::Change,
        fields: &[
            ("ref.name", Field::Name),
            ("ref.type", Field::Type),
            ("ref.provider_id", Field::Id),
            ("owner", Field::Text("counterfoil")),
        ],
        needed: &["ref"],
        ..NOTHING
    },
    Request {
        method: "IaCProviderOwnership/ListOwners",
        reach: Reach::Cloud,
        fields: &[("owner", Field::Text("counterfoil")), ("resource_type", Field::Type)],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderRunner/RunJob",
        reach: Reach::Change,
        fields: &[
            ("name", Field::Name),
            ("kind", Field::Text("job")),
            ("image", Field::Text("busybox")),
            ("run_command", Field::Text("true")),
        ],
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderRunner/JobStatus",
        reach: Reach::Cloud,
        fields: JOB,
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCProviderRunner/JobLogs",
        reach: Reach::Cloud,
        fields: JOB,
        acts_when_empty: true,
        ..NOTHING
    },
    Request {
        method: "IaCRequirementDiscovery/DiscoverRequirements",
        fields: &[
            ("context.application", Field::Text("counterfoil")),
            ("context.environment", Field::Text("test")),
            ("module_config_json", OBJECT),
        ],
        json: &["module_config_json"],
        ..NOTHING
    },
    Request {
        method: "IaCProviderRequirementMapper/MapRequirements",
        fields: &[
            ("provider", Field::Text("counterfoil")),
            ("runtime", Field::Text("kubernetes")),
            ("environment", Field::Text("test")),
            ("requirements.0.key", Field::Text("store")),
            ("requirements.0.kind", Field::Text("database")),
            ("requirements.0.parameters_json", OBJECT),
        ],
        json: &["requirements.0.parameters_json"],
        ..NOTHING
    },
    Request {
        method: "IaCStateBackend/Configure",
        reach: Reach::Change,
        fields: &[("backend_name", Field::Text("counterfoil-of-nobody")), ("config_json", OBJECT)],
        ..NOTHING
    },
    Request {
        method: "IaCStateBackend/GetState",
        reach: Reach::Cloud,
        fields: &[("resource_id", Field::Name)],
        ..NOTHING
    },
    Request {
        method: "IaCStateBackend/SaveState",
        reach: Reach::Change,
        fields: &[
            ("state.resource_id", Field::Name),
            ("state.resource_type", Field::Type),
            ("state.provider_id", Field::Id),
            ("state.outputs_json", OBJECT),
            ("state.config_json", OBJECT),
        ],
        needed: &["state"],
        ..NOTHING
    },
    Request { method: "IaCStateBackend/ListStates", reach: Reach::Cloud, ..NOTHING },
    Request {
        method: "IaCStateBackend/DeleteState",
        reach: Reach::Change,
        fields: &[("resource_id", Field::Name)],
        ..NOTHING
    },
    Request {
        method: "IaCStateBackend/Lock",
        reach: Reach::Change,
        fields: &[("resource_id", Field::Name)],
        ..NOTHING
    },
    Request {
        method: "IaCStateBackend/Unlock",
        reach: Reach::Change,
        fields: &[("resource_id", Field::Name)],
        ..NOTHING
    },
    Request { method: "IaCStateBackend/ListBackendNames", ..NOTHING },
];

/// A path without the package: `ResourceDriver/Create`. A path of another package stays as it is.
pub fn short(path: &str) -> &str {
    path.trim_start_matches('/').strip_prefix(PACKAGE).unwrap_or(path)
}

/// The full name of a message that a contract names without its package.
pub fn full_name(message: &str) -> String {
    format!("{PACKAGE}{message}")
}

/// What is known of a method, by its path.
pub fn find(path: &str) -> Option<&'static Request> {
    ALL.iter().find(|request| request.method == short(path))
}

/// The methods of a revision, each with what is known of its requests, service by service.
pub fn at(revision: Revision) -> impl Iterator<Item = (&'static Method, &'static Request)> {
    let methods = Contract::at(revision).services.values().flatten();
    methods.filter_map(|method| Some((method, find(&method.path)?)))
}

impl Request {
    /// A request that is in order, encoded. `message` is the full name of its type.
    pub fn whole(&self, message: &str, about: About<'_>) -> Bytes {
        let set = self.fields.iter().map(|(path, field)| ((*path).to_owned(), field.of(about)));
        Edit { set: set.collect(), ..Edit::default() }.apply(message, &[])
    }

    /// The requests of a trial that are out of order, each by one change of one that is in order, with the part that is
    /// changed. None where the trial has nothing to do with the method.
    pub fn defects(&self, trial: Trial) -> Vec<(&'static str, Edit)> {
        let set = |path: &'static str, text: String| {
            (path, Edit { set: vec![(path.to_owned(), Value::Text(text))], ..Edit::default() })
        };
        let drop = |path: &'static str| (path, Edit { drop: vec![path.to_owned()], ..Edit::default() });
        let typed = self.typed.then_some("resource_type").into_iter();
        let mut names =
            self.fields.iter().filter(|(_, field)| matches!(field, Field::Name)).map(|(path, _)| *path);
        match trial {
            Trial::AbsentMessage => self.needed.iter().map(|path| drop(path)).collect(),
            Trial::MalformedJson => self.json.iter().map(|path| set(path, CUT_SHORT.to_owned())).collect(),
            Trial::NotAnObject => self.json.iter().map(|path| set(path, "[1]".to_owned())).collect(),
            Trial::EmptyType => typed.map(|path| set(path, String::new())).collect(),
            Trial::UnknownType => typed.map(|path| set(path, UNKNOWN_TYPE.to_owned())).collect(),
            Trial::EmptyName => self.named.map(|path| set(path, String::new())).into_iter().collect(),
            Trial::LongName => names.next().map(|path| set(path, "n".repeat(1 << 20))).into_iter().collect(),
            Trial::LargeMessage => self.json.iter().take(1).map(|path| set(path, LARGE.clone())).collect(),
            _ => Vec::new(),
        }
    }

    /// The service, without its package.
    pub fn service(&self) -> &'static str {
        self.method.split_once('/').map_or(self.method, |(service, _)| service)
    }

    /// Whether it may be called with an empty request: nothing is changed by that, and where the cloud must not be
    /// reached, it is not.
    pub fn may_be_empty(&self, live: bool) -> bool {
        !self.acts_when_empty || (live && self.reach != Reach::Change)
    }
}

impl Field {
    fn of(self, about: About<'_>) -> Value {
        match self {
            Self::Type => Value::Text(about.resource_type.to_owned()),
            Self::Name => Value::Text(about.name.to_owned()),
            Self::Id => Value::Text(about.provider_id.to_owned()),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Number(number) => Value::Number(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ABOUT: About<'_> = About { resource_type: "infra.vpc", name: "net", provider_id: "vpc-1" };

    #[test]
    fn every_method_of_every_revision_is_known_and_nothing_else_is() {
        let mut seen = BTreeSet::new();
        for revision in Revision::ALL {
            for method in Contract::at(*revision).services.values().flatten() {
                if method.path.starts_with(&format!("/{PACKAGE}")) {
                    assert!(find(&method.path).is_some(), "{}", method.path);
                    seen.insert(short(&method.path));
                }
            }
        }
        assert_eq!(seen, ALL.iter().map(|request| request.method).collect::<BTreeSet<_>>());
    }

    /// Every path leads to a field, and every part that a request has to have is in the one that is in order.
    #[test]
    fn requests_fit_their_messages() {
        for revision in [Revision::V0_51, Revision::Head] {
            for (method, request) in at(revision) {
                let message = full_name(&method.request);
                for (path, field) in request.fields {
                    assert_eq!(
                        Edit::check_set(&message, path, &field.of(ABOUT)),
                        Ok(()),
                        "{}",
                        request.method
                    );
                }
                let whole = request.whole(&message, ABOUT);
                for path in request.needed {
                    let without = Edit { drop: vec![(*path).to_owned()], ..Edit::default() };
                    assert_ne!(without.apply(&message, &whole), whole, "{}: {path}", request.method);
                }
                for path in request.json.iter().chain(&request.named) {
                    assert!(
                        request.fields.iter().any(|(known, _)| known == path),
                        "{}: {path}",
                        request.method
                    );
                }
                for (trial, (part, defect)) in Trial::ALL
                    .into_iter()
                    .flat_map(|trial| request.defects(trial).into_iter().map(move |d| (trial, d)))
                {
                    let changed = defect.apply(&message, &whole);
                    assert_ne!(changed, whole, "{} ({trial}): {part}", request.method);
                }
                assert!(!request.typed || request.fields[0].0 == "resource_type", "{}", request.method);
            }
        }
    }
}
