//! Which bytes are well-formed: the generic check against prost, which reads the same contract on its own.
//!
//! Where they differ on purpose:
//! - prost reads a map without a look at its wire type; a map as a number is refused here.
//! - `ContractRegistry` holds a `FileDescriptorSet`, which is proto2: prost asks UTF-8 of its texts, and knows
//!   an older version of it.

use std::sync::LazyLock;

use counterfoil_proto::{history, plugin_v1};
use proptest::{collection::vec, prelude::*, sample::Index};
use prost_types::field_descriptor_proto::{Label, Type};

use super::*;

/// A message and whether prost reads bytes as one.
type Reader = (&'static str, fn(&[u8]) -> bool);

macro_rules! readers {
    ($package:literal, $module:ident: $($message:ident),* $(,)?) => {
        [$((concat!($package, ".", stringify!($message)), |bytes| $module::$message::decode(bytes).is_ok())),*]
    };
}

#[rustfmt::skip]
fn readers() -> Vec<Reader> {
    let iac: &[Reader] = &readers!("workflow.plugin.external.iac", iac:
        InitializeRequest, InitializeResponse, NameRequest, NameResponse, VersionRequest, VersionResponse,
        CapabilitiesRequest, CapabilitiesResponse, IaCCapabilityDeclaration, PlanRequest, PlanResponse,
        ApplyRequest, ApplyResponse, ApplyResult, ActionResult, DriftEntry, ActionError, DestroyRequest,
        DestroyResponse, DestroyResult, StatusRequest, StatusResponse, ResourceStatus, ImportRequest,
        ImportResponse, ResolveSizingRequest, ResolveSizingResponse, ProviderSizing,
        BootstrapStateBackendRequest, BootstrapStateBackendResponse, BootstrapResult, ResourceSpec,
        ResourceHints, ResourceRef, ResourceState, ResourceOutput, IaCPlan, PlanAction, FieldChange,
        ResourceCreateRequest, ResourceCreateResponse, ResourceReadRequest, ResourceReadResponse,
        ResourceUpdateRequest, ResourceUpdateResponse, ResourceDeleteRequest, ResourceDeleteResponse,
        ResourceDiffRequest, ResourceDiffResponse, DiffResult, ResourceScaleRequest, ResourceScaleResponse,
        ResourceHealthCheckRequest, ResourceHealthCheckResponse, HealthResult, SensitiveKeysRequest,
        SensitiveKeysResponse, TroubleshootRequest, TroubleshootResponse, Diagnostic, FinalizeApplyRequest,
        FinalizeApplyResponse, ValidatePlanRequest, ValidatePlanResponse, PlanDiagnostic,
        EnumerateAllRequest, EnumerateAllResponse, EnumerateByTagRequest, EnumerateByTagResponse,
        DetectDriftRequest, DetectDriftResponse, DetectDriftWithSpecsRequest, DetectDriftWithSpecsResponse,
        DriftResult, DetectDriftConfigRequest, DetectDriftConfigResponse, RevokeProviderCredentialRequest,
        RevokeProviderCredentialResponse, RepairDirtyMigrationRequest, MigrationRepairRequest,
        RepairDirtyMigrationResponse, MigrationRepairResult, CaptureLogsRequest, LogChunk,
        ListRegionsRequest, ListRegionsResponse, ProviderRegion, GetOwnerRequest, GetOwnerResponse,
        SetOwnerRequest, SetOwnerResponse, ListOwnersRequest, ListOwnersResponse, OwnedResource, JobSpec,
        JobAlertSpec, JobLogDestinationSpec, JobTerminationSpec, JobHandle, JobStatusReply,
        DiscoverRequirementsRequest, RequirementContext, ModuleRef, DiscoverRequirementsResponse,
        IaCRequirement, MapRequirementsRequest, MapRequirementsResponse, DerivedModuleSpec,
        RequirementDiagnostic, RequirementNote, ConfigureRequest, ConfigureResponse, GetStateRequest,
        GetStateResponse, SaveStateRequest, SaveStateResponse, ListStatesRequest, ListStatesResponse,
        DeleteStateRequest, DeleteStateResponse, LockRequest, LockResponse, UnlockRequest, UnlockResponse,
        ListBackendNamesRequest, ListBackendNamesResponse, IaCState,
    );
    let plugin: &[Reader] = &readers!("workflow.plugin.v1", plugin_v1:
        Manifest, TypeList, ModuleSchemaList, ModuleSchema, ConfigFieldDef,
        ContractDescriptor, CreateModuleRequest, CreateStepRequest, CreateTriggerRequest, HandleRequest,
        HandleResponse, ErrorResponse, ExecuteStepRequest, ExecuteStepResponse, InvokeServiceRequest,
        InvokeServiceResponse, DeliverMessageRequest, DeliverMessageResponse, ConfigFragmentResponse,
        GetAssetRequest, GetAssetResponse, ConfigureCallbackRequest, TriggerWorkflowRequest,
        GetServiceRequest, GetServiceResponse, LogRequest, PublishMessageRequest, PublishMessageResponse,
        SubscribeRequest, UnsubscribeRequest,
    );
    // The one message whose name prost writes in another way.
    let renamed: &[Reader] =
        &[("workflow.plugin.v1.ServiceIODef", |bytes| plugin_v1::ServiceIoDef::decode(bytes).is_ok())];
    [iac, plugin, renamed].concat()
}

/// A field of a message: its number, the wire type of its values, and the message that they are.
#[derive(Clone, Debug)]
struct Shape {
    number: u32,
    wire_type: u32,
    is_text: bool,
    message: Option<String>,
}

/// The fields of every message, by its full name.
type Shapes = BTreeMap<String, Vec<Shape>>;

/// What the fields of every message look like, straight from the descriptors.
fn shapes() -> Shapes {
    fn add(shapes: &mut Shapes, scope: &str, message: &prost_types::DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            add(shapes, &name, nested);
        }
        let shape = |field: &prost_types::FieldDescriptorProto| Shape {
            number: field.number().cast_unsigned(),
            wire_type: match field.r#type() {
                Type::Double => 1,
                Type::String | Type::Bytes | Type::Message => 2,
                _ => 0,
            },
            is_text: field.r#type() == Type::String,
            message: (field.r#type() == Type::Message).then(|| field.type_name()[1..].to_owned()),
        };
        shapes.insert(name, message.field.iter().map(shape).collect());
    }
    let mut shapes = Shapes::new();
    for file in counterfoil_proto::file_descriptor_set().file {
        for message in &file.message_type {
            add(&mut shapes, file.package(), message);
        }
    }
    shapes
}

/// The names of fields that are maps, which prost reads whatever their wire type is.
fn maps() -> BTreeSet<String> {
    let files = counterfoil_proto::file_descriptor_set().file;
    let messages = files.into_iter().flat_map(|file| file.message_type);
    let is_map = |field: &prost_types::FieldDescriptorProto| {
        field.label() == Label::Repeated && field.type_name().ends_with("Entry")
    };
    messages.flat_map(|message| message.field).filter(is_map).map(|field| field.name().to_owned()).collect()
}

/// Bytes that look like a message, by a stream of choices: mostly its own fields in their own wire types.
fn write(shapes: &Shapes, message: &str, choices: &mut std::slice::Iter<'_, u8>, depth: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let fields = &shapes[message];
    while let Some(choice) = choices.next().filter(|choice| **choice < 200) {
        let known = fields.get(usize::from(*choice) % (fields.len() + 1));
        let mut next = || choices.next().copied().unwrap_or_default();
        let odd = next();
        let number = known.map_or(u32::from(odd), |shape| shape.number);
        let wire_type = match known {
            Some(shape) if odd < 245 => shape.wire_type,
            _ => u32::from(odd % 8),
        };
        prost::encoding::encode_varint(u64::from(number << 3 | wire_type), &mut bytes);
        match (wire_type, known.and_then(|shape| shape.message.as_ref())) {
            (2, Some(message)) if depth < 6 => {
                let inner = write(shapes, message, choices, depth + 1);
                prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
                bytes.extend(inner);
            }
            (2, _) => {
                let is_text = known.is_some_and(|shape| shape.is_text);
                let text =
                    [next(), next()].map(|byte| if is_text && byte < 240 { b'a' + byte % 26 } else { byte });
                bytes.push(2);
                bytes.extend(text);
            }
            (0, _) => {
                let varint = u64::from(next()).pow(u32::from(next() % 9));
                prost::encoding::encode_varint(varint, &mut bytes);
            }
            (1, _) => bytes.extend([next(); 8]),
            (5, _) => bytes.extend([next(); 4]),
            _ => {}
        }
    }
    bytes
}

/// Holds the check against prost; false where they differ on purpose.
fn agree(reader: &Reader, maps: &BTreeSet<String>, bytes: &[u8]) -> Result<bool, TestCaseError> {
    let (message, prost_reads) = reader;
    let reading = Strict.message(message, &Bytes::copy_from_slice(bytes), Revision::Head);
    let is_map_misread = |refusal: &Refusal| {
        let name = refusal.path.rsplit('.').next().unwrap_or_default();
        refusal.message.contains("where a length and bytes is due") && maps.contains(name)
    };
    if reading.refusals.iter().any(is_map_misread) {
        return Ok(false);
    }
    let is_well_formed = !causes(&reading).iter().any(|c| matches!(c, Cause::CutShort | Cause::TextNotUtf8));
    prop_assert_eq!(is_well_formed, prost_reads(bytes), "{} {:02x?} {:#?}", message, bytes, reading.refusals);
    Ok(true)
}

#[test]
fn every_message_of_the_contract_is_compared() {
    let compared: BTreeSet<&str> = readers().iter().map(|reader| reader.0).collect();
    for file in history::descriptors(Revision::Head).file {
        for message in file.message_type.iter().filter(|_| history::PACKAGES.contains(&file.package())) {
            let name = format!("{}.{}", file.package(), message.name());
            assert!(compared.contains(&name[..]) || name == "workflow.plugin.v1.ContractRegistry", "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_check_and_prost_agree_on_what_is_well_formed(
        at in any::<Index>(),
        choices in vec(any::<u8>(), 0..120),
        changes in vec((any::<Index>(), any::<u8>()), 0..3),
        kept in proptest::option::weighted(0.3, any::<Index>()),
    ) {
        static KNOWN: LazyLock<(Vec<Reader>, Shapes, BTreeSet<String>)> =
            LazyLock::new(|| (readers(), shapes(), maps()));
        let (readers, shapes, maps) = &*KNOWN;
        let reader = at.get(readers);
        let mut bytes = write(shapes, reader.0, &mut choices.iter(), 0);
        agree(reader, maps, &bytes)?;
        if !bytes.is_empty() {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(kept.map_or(bytes.len(), |kept| kept.index(bytes.len())));
        }
        agree(reader, maps, &bytes)?;
        agree(reader, maps, &choices)?;
    }
}
