//! What each engine version changed on the wire, and the superset cut down to one revision by it.
//!
//! Names, numbers and types stand in the .proto files alone; here stands only when they came and went.

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
    enum_descriptor_proto::EnumReservedRange,
};
use semver::Version;

use crate::Revision;

/// The package of the infrastructure services.
pub const IAC: &str = "workflow.plugin.external.iac";
/// The package of the services that every plugin of the engine has.
pub const PLUGIN_V1: &str = "workflow.plugin.v1";
/// The packages that the contract is made of.
pub const PACKAGES: [&str; 2] = [IAC, PLUGIN_V1];

/// What one engine version changed in one package.
///
/// A path is a service, message or enum, or a method, field or value in one (`ApplyResult.actions`). What
/// stands inside comes and goes with what it stands in, unless a step names it itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The exact engine version, without `v`.
    pub version: &'static str,
    /// The package that the paths lie in.
    pub package: &'static str,
    /// The paths that came.
    pub added: &'static [&'static str],
    /// The paths that went, for good.
    pub removed: &'static [&'static str],
    /// Enum numbers that were set aside. What is reserved wherever its element exists stands in the .proto
    /// file instead.
    pub reserved: &'static [(&'static str, i32)],
    /// Enum numbers that were no longer set aside.
    pub unreserved: &'static [(&'static str, i32)],
}

impl Step {
    const fn of(version: &'static str, package: &'static str) -> Self {
        Self { version, package, added: &[], removed: &[], reserved: &[], unreserved: &[] }
    }

    fn is_before(&self, bound: Option<&Version>) -> bool {
        bound.is_none_or(|bound| {
            self.version.parse::<Version>().expect("the steps have exact versions") < *bound
        })
    }
}

/// The steps since 0.50.1, oldest first. What no step adds was there before.
pub const HISTORY: &[Step] = &[
    Step {
        added: &["CapabilitiesResponse.canonical_keys", "CapabilitiesResponse.compute_plan_version"],
        ..Step::of("0.50.1", IAC)
    },
    Step {
        added: &[
            "IaCStateBackend",
            "ConfigureRequest",
            "ConfigureResponse",
            "GetStateRequest",
            "GetStateResponse",
            "SaveStateRequest",
            "SaveStateResponse",
            "ListStatesRequest",
            "ListStatesResponse",
            "DeleteStateRequest",
            "DeleteStateResponse",
            "LockRequest",
            "LockResponse",
            "UnlockRequest",
            "UnlockResponse",
            "ListBackendNamesRequest",
            "ListBackendNamesResponse",
            "IaCState",
        ],
        ..Step::of("0.51.11", IAC)
    },
    Step {
        added: &["ApplyResult.actions", "ActionResult", "ActionStatus"],
        reserved: &[("ActionStatus", 4), ("ActionStatus", 5)],
        ..Step::of("0.54.0", IAC)
    },
    Step {
        added: &["IaCProviderFinalizer", "FinalizeApplyRequest", "FinalizeApplyResponse"],
        ..Step::of("0.55.0", IAC)
    },
    Step {
        added: &[
            "ActionStatus.ACTION_STATUS_COMPENSATED",
            "ActionStatus.ACTION_STATUS_COMPENSATION_FAILED",
            "ActionStatus.ACTION_STATUS_SKIPPED",
        ],
        unreserved: &[("ActionStatus", 4), ("ActionStatus", 5)],
        ..Step::of("0.56.0", IAC)
    },
    Step {
        removed: &[
            "IaCProviderRequired.Apply",
            "ApplyRequest",
            "ApplyResponse",
            "ApplyResult",
            "ActionResult",
        ],
        ..Step::of("0.57.0", IAC)
    },
    Step {
        added: &["IaCProviderLogCapture", "CaptureLogsRequest", "LogChunk", "LogCaptureType"],
        ..Step::of("0.60.7", IAC)
    },
    Step {
        added: &[
            "IaCRequirementDiscovery",
            "DiscoverRequirementsRequest",
            "DiscoverRequirementsResponse",
            "RequirementContext",
            "ModuleRef",
            "IaCRequirement",
            "IaCProviderRequirementMapper",
            "MapRequirementsRequest",
            "MapRequirementsResponse",
            "DerivedModuleSpec",
            "RequirementDiagnostic",
            "RequirementNote",
            "RequirementKind",
            "RequirementRuntime",
            "TelemetrySignal",
            "ObservabilityBackend",
            "DeploymentMode",
        ],
        ..Step::of("0.64.3", IAC)
    },
    Step {
        added: &[
            "ContractDescriptor.contract_type",
            "ContractDescriptor.proto_package",
            "ContractDescriptor.message_names",
            "ContractDescriptor.go_import_path",
            "ContractDescriptor.schema_digest",
            "ContractDescriptor.protocol_version",
            "ContractKind.CONTRACT_KIND_MESSAGE",
        ],
        ..Step::of("0.64.7", PLUGIN_V1)
    },
    Step {
        added: &["IaCProviderRegionLister", "ListRegionsRequest", "ListRegionsResponse", "ProviderRegion"],
        ..Step::of("0.68.2", IAC)
    },
    Step {
        added: &[
            "IaCProviderOwnership",
            "GetOwnerRequest",
            "GetOwnerResponse",
            "SetOwnerRequest",
            "SetOwnerResponse",
            "ListOwnersRequest",
            "ListOwnersResponse",
            "OwnedResource",
        ],
        ..Step::of("0.69.1", IAC)
    },
    Step {
        added: &[
            "IaCProviderRunner",
            "JobSpec",
            "JobAlertSpec",
            "JobLogDestinationSpec",
            "JobTerminationSpec",
            "JobHandle",
            "JobStatusReply",
            "JobState",
        ],
        ..Step::of("0.73.0", IAC)
    },
];

/// The engine version that brought an element, itself or with what it stands in; `None` if it was there
/// before 0.50.1 or does not exist.
pub fn since(package: &str, path: &str) -> Option<&'static str> {
    let came = |path: &str| {
        HISTORY.iter().find(|s| s.package == package && s.added.contains(&path)).map(|s| s.version)
    };
    came(path).or_else(|| came(path.split_once('.')?.0))
}

/// Whether a version of [`HISTORY`] is later than the first one of a revision and still belongs to it.
pub(crate) fn came_within(version: &str, revision: Revision) -> bool {
    Revision::for_version(version).is_ok_and(|at| at.revision == revision)
        && version != revision.first_version()
}

/// The superset cut down to what a revision knows: all that came at or before the last engine version of
/// that revision and had not gone by then. Packages outside the contract are left as they are.
pub fn descriptors(revision: Revision) -> FileDescriptorSet {
    let mut set = crate::file_descriptor_set();
    for file in &mut set.file {
        let Some(package) = PACKAGES.into_iter().find(|p| *p == file.package()) else { continue };
        let cut = Cut::new(revision, package);
        file.service.retain_mut(|service| cut.service(service));
        file.message_type.retain_mut(|message| cut.message(message));
        file.enum_type.retain_mut(|enumeration| cut.enumeration(enumeration));
    }
    set
}

/// The state of one package at one revision.
struct Cut {
    /// The steps of the package, and whether each has been taken. Every element is held against them.
    steps: Vec<(&'static Step, bool)>,
}

impl Cut {
    fn new(revision: Revision, package: &'static str) -> Self {
        let next = Revision::ALL.iter().find(|r| **r > revision);
        // The first version that is too new; none for the last revision.
        let bound: Option<Version> =
            next.map(|r| r.first_version().parse().expect("the table has exact versions"));
        let here = HISTORY.iter().filter(|s| s.package == package);
        Self { steps: here.map(|s| (s, s.is_before(bound.as_ref()))).collect() }
    }

    fn knows(&self, path: &str) -> bool {
        self.steps.iter().all(|(step, happened)| {
            let absent = if *happened { step.removed } else { step.added };
            !absent.contains(&path)
        })
    }

    fn knows_in(&self, outer: &str, inner: &str) -> bool {
        self.knows(&format!("{outer}.{inner}"))
    }

    fn service(&self, service: &mut ServiceDescriptorProto) -> bool {
        let name = service.name().to_owned();
        service.method.retain(|method| self.knows_in(&name, method.name()));
        self.knows(&name)
    }

    fn message(&self, message: &mut DescriptorProto) -> bool {
        let name = message.name().to_owned();
        message.field.retain(|field| self.knows_in(&name, field.name()));
        self.knows(&name)
    }

    fn enumeration(&self, enumeration: &mut EnumDescriptorProto) -> bool {
        let name = enumeration.name().to_owned();
        enumeration.value.retain(|value| self.knows_in(&name, value.name()));
        for (step, _) in self.steps.iter().filter(|(_, happened)| *happened) {
            let numbers =
                |of: &'static [(&str, i32)]| of.iter().filter(|(path, _)| *path == name).map(|(_, n)| *n);
            for number in numbers(step.reserved) {
                let range = EnumReservedRange { start: Some(number), end: Some(number) };
                enumeration.reserved_range.push(range);
            }
            for number in numbers(step.unreserved) {
                enumeration.reserved_range.retain(|range| range.start() != number);
            }
        }
        self.knows(&name)
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{EnumValueDescriptorProto, FieldDescriptorProto, MethodDescriptorProto};

    use super::*;

    /// Every path of a package: services, messages and enums, and what stands in them.
    fn paths(package: &str) -> Vec<String> {
        let set = crate::file_descriptor_set();
        let file = set.file.iter().find(|f| f.package() == package).unwrap();
        let services = file
            .service
            .iter()
            .map(|s| (s.name(), s.method.iter().map(MethodDescriptorProto::name).collect()));
        let messages = file
            .message_type
            .iter()
            .map(|m| (m.name(), m.field.iter().map(FieldDescriptorProto::name).collect()));
        let enums = file
            .enum_type
            .iter()
            .map(|e| (e.name(), e.value.iter().map(EnumValueDescriptorProto::name).collect()));
        let outer = services.chain(messages).chain(enums);
        let paths = outer.flat_map(|(outer, inner): (_, Vec<_>)| {
            let inner = inner.into_iter().map(|inner| format!("{outer}.{inner}")).collect::<Vec<_>>();
            [outer.to_owned()].into_iter().chain(inner)
        });
        paths.collect()
    }

    #[test]
    fn every_path_exists_and_comes_once() {
        let mut seen = std::collections::BTreeSet::new();
        for step in HISTORY {
            let paths = paths(step.package);
            let reserved = step.reserved.iter().chain(step.unreserved).map(|(path, _)| path);
            for path in step.added.iter().chain(step.removed).chain(reserved) {
                assert!(paths.iter().any(|p| p == path), "{}: {path}", step.version);
            }
            for path in step.added {
                assert!(seen.insert((step.package, path)), "{}: {path} comes twice", step.version);
                let container = path.split_once('.').map_or("", |(container, _)| container);
                assert!(!step.added.contains(&container), "{path} comes with {container}");
            }
        }
    }

    #[test]
    fn steps_are_in_order_and_within_the_known_versions() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        let versions: Vec<_> = HISTORY.iter().map(|s| version(s.version)).collect();
        assert!(versions.is_sorted_by(|a, b| a <= b));
        assert_eq!(versions[0], version(Revision::ALL[0].first_version()));
        assert!(*versions.last().unwrap() < version(Revision::Head.first_version()));
    }

    #[test]
    fn the_last_revision_and_what_went_make_the_superset() {
        let elements = |set: &FileDescriptorSet| {
            let here = set.file.iter().filter(|f| PACKAGES.contains(&f.package()));
            here.map(|f| f.message_type.len() + f.enum_type.len() + f.service.len()).sum::<usize>()
        };
        let went = HISTORY.iter().flat_map(|s| s.removed).filter(|path| !path.contains('.')).count();
        assert_eq!(elements(&descriptors(Revision::Head)) + went, elements(&crate::file_descriptor_set()));
    }

    #[test]
    fn what_came_is_dated() {
        assert_eq!(since(IAC, "ApplyResult.actions"), Some("0.54.0"));
        assert_eq!(since(IAC, "ActionResult.status"), Some("0.54.0"));
        assert_eq!(since(IAC, "ActionStatus.ACTION_STATUS_SKIPPED"), Some("0.56.0"));
        assert_eq!(since(PLUGIN_V1, "ContractDescriptor.schema_digest"), Some("0.64.7"));
        assert_eq!(since(IAC, "ApplyResult"), None);
        assert_eq!(since(PLUGIN_V1, "ApplyResult.actions"), None);
    }
}
