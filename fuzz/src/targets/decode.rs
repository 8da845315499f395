//! The strict decoder, held against prost and against itself. The first bytes of an input say how the rest is read.

use std::{collections::BTreeSet, sync::LazyLock};

use bytes::Bytes;
use counterfoil_core::{
    decode::{
        ApplyContext, Cause, Decoder as _, MAX_LISTED, Reading, Refusal, Strict, encode_apply_response,
    },
    outcome::Status,
    plan::{Action, ActionKind, Spec},
    rpc::Method,
};
use counterfoil_proto::{DESCRIPTORS, Revision, history, iac};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

/// The calls whose reply is an output.
pub(crate) const OUTPUTS: [Method; 3] = [Method::Create, Method::Read, Method::Update];

/// The kinds of planned actions, by the byte that stands for each.
const KINDS: [&str; 5] = ["unknown", "create", "update", "replace", "delete"];

/// The one message that prost reads in another way: it holds a file of proto2.
const REGISTRY: &str = "workflow.plugin.v1.ContractRegistry";

/// An input of a decoder: bytes that choose, and the message.
struct Input<'i>(&'i [u8]);

impl Input<'_> {
    /// Takes a byte; 0 where none is left.
    fn byte(&mut self) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first)
    }

    /// Takes the byte that chooses one of several.
    fn choice<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.byte() % of.len()].clone()
    }

    /// Takes the number of planned actions, and the byte of each.
    fn planned(&mut self) -> Vec<Action> {
        let count = self.byte().min(self.0.len());
        (0..count).map(|_| planned(self.choice(&KINDS))).collect()
    }

    /// What is left: the message.
    fn message(self) -> Bytes {
        Bytes::copy_from_slice(self.0)
    }
}

/// The byte that chooses one of several; of what is not among them, the first.
pub(crate) fn chosen<T: PartialEq>(one: &T, of: &[T]) -> u8 {
    let at = of.iter().position(|other| other == one).unwrap_or_default();
    u8::try_from(at).expect("a byte is enough to choose")
}

/// The bytes that choose these planned actions.
pub(crate) fn chosen_plan(actions: &[Action]) -> Vec<u8> {
    let count = u8::try_from(actions.len()).expect("a byte is enough to count them");
    [count].into_iter().chain(actions.iter().map(|action| chosen(&action.kind.as_str(), &KINDS))).collect()
}

fn planned(kind: &str) -> Action {
    let kind = ActionKind::from(kind.to_owned());
    Action { kind, spec: Spec::default(), current: None, changes: Vec::new() }
}

/// Reads a reply of `Apply`: a byte for the revision, one for the number of planned actions, one for each of them.
///
/// What is accepted says one thing of each planned action (DEC-004 to DEC-012), is read by prost too, and is the same
/// when it was encoded and is read again.
pub fn decode_apply(input: &[u8]) {
    let mut input = Input(input);
    let (revision, planned) = (input.choice(Revision::ALL), input.planned());
    let bytes = input.message();
    let context = ApplyContext { revision, planned: &planned };
    let reading = Strict.apply_response(&bytes, &context);
    is_orderly(&reading, &bytes);
    agrees(&reading, iac::ApplyResponse::decode(bytes.clone()).is_ok());
    if !reading.is_accepted() {
        return;
    }
    // From 0.57 on the contract has no such message, and it is read as 0.56 would.
    let by_table = Strict.message(Method::Apply.response(), &bytes, revision.min(Revision::V0_56));
    assert!(by_table.is_accepted(), "the table refuses what is accepted: {:?}", by_table.refusals);
    if revision > Revision::V0_51 {
        assert_eq!(reading.value.outcomes.len(), planned.len(), "one outcome per action");
    }
    for (at, outcome) in reading.value.outcomes.iter().enumerate() {
        assert_eq!(
            usize::try_from(outcome.action_index),
            Ok(at),
            "outcomes stand in the order of the actions"
        );
        assert_eq!(outcome.status == Status::Success, outcome.error.is_empty(), "{outcome:?}");
        let deletes = planned[at].kind == ActionKind::Delete;
        assert!(deletes || outcome.status != Status::DeleteFailed, "{outcome:?}");
    }
    let again = Strict.apply_response(&encode_apply_response(&reading.value), &context);
    assert_eq!(again.into_result(), Ok(reading.value), "it is the same when it was encoded");
}

/// Reads a reply of a create, a read or an update: a byte for the call, one for the revision.
///
/// What is accepted, prost reads too; and whatever is refused, the generic check refuses.
pub fn decode_output(input: &[u8]) {
    let mut input = Input(input);
    let (method, revision) = (input.choice(&OUTPUTS), input.choice(Revision::ALL));
    let bytes = input.message();
    let reading = Strict.output(method, &bytes, revision);
    is_orderly(&reading, &bytes);
    agrees(
        &reading,
        match method {
            Method::Create => iac::ResourceCreateResponse::decode(bytes.clone()).is_ok(),
            Method::Read => iac::ResourceReadResponse::decode(bytes.clone()).is_ok(),
            _ => iac::ResourceUpdateResponse::decode(bytes.clone()).is_ok(),
        },
    );
    is_refused_alike(&reading, &Strict.message(method.response(), &bytes, revision));
}

/// Reads a reply of `FinalizeApply`: a byte for the revision. See [`decode_output`] for what has to hold.
pub fn decode_finalize(input: &[u8]) {
    let mut input = Input(input);
    let revision = input.choice(Revision::ALL);
    let bytes = input.message();
    let reading = Strict.finalize(&bytes, revision);
    is_orderly(&reading, &bytes);
    agrees(&reading, iac::FinalizeApplyResponse::decode(bytes.clone()).is_ok());
    // Before 0.55 there was no such message, whose fields the generic check then does not know.
    if revision >= Revision::V0_55 {
        is_refused_alike(&reading, &Strict.message(Method::Finalize.response(), &bytes, revision));
    }
}

/// Checks any message of the contract: a byte for the message, one for the revision.
///
/// What is well-formed, prost reads too.
pub fn decode_message(input: &[u8]) {
    let mut input = Input(input);
    let (message, revision) = (input.choice(messages()), input.choice(Revision::ALL));
    let bytes = input.message();
    let reading = Strict.message(message.full_name(), &bytes, revision);
    is_orderly(&reading, &bytes);
    let is_known = reading.unknown.is_empty() && message.full_name() != REGISTRY;
    if is_known && is_well_formed(&reading) {
        let read = DynamicMessage::decode(message, bytes);
        assert!(read.is_ok(), "prost does not read what is well-formed: {read:?}");
    }
}

/// Every message of the contract.
pub(crate) fn messages() -> &'static [MessageDescriptor] {
    static MESSAGES: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("the build script encoded it");
        let is_ours = |message: &MessageDescriptor| history::PACKAGES.contains(&message.package_name());
        pool.all_messages().filter(|message| is_ours(message) && !message.is_map_entry()).collect()
    });
    &MESSAGES
}

/// Refusals and unknown fields have places in the message, stand in their order, and are no flood.
fn is_orderly<T>(reading: &Reading<T>, bytes: &[u8]) {
    let Reading { refusals, unknown, .. } = reading;
    assert!(refusals.is_sorted_by_key(|refusal| refusal.offset), "{refusals:?}");
    assert!(refusals.iter().all(|refusal| refusal.offset <= bytes.len()), "{refusals:?}");
    assert!(unknown.is_sorted_by_key(|field| field.offset), "{unknown:?}");
    assert!(unknown.iter().all(|field| field.offset + field.bytes <= bytes.len()), "{unknown:?}");
    assert!(unknown.len() <= MAX_LISTED, "{} unknown fields", unknown.len());
    for cause in Cause::ALL {
        let listed = refusals.iter().filter(|refusal| refusal.cause == cause).count();
        assert!(listed <= MAX_LISTED, "{listed} refusals for {cause:?}");
    }
}

/// Two readings of one message say the same of it.
fn is_refused_alike<T, U>(typed: &Reading<T>, by_table: &Reading<U>) {
    assert_eq!(typed.refusals, by_table.refusals);
    assert_eq!(typed.unknown, by_table.unknown);
}

fn is_well_formed<T>(reading: &Reading<T>) -> bool {
    !reading.refusals.iter().any(|refusal| matches!(refusal.cause, Cause::CutShort | Cause::TextNotUtf8))
}

/// What is well-formed and prost's reading go together. Prost knows the newest of every message, and so may refuse what
/// an older revision does not know.
fn agrees<T>(reading: &Reading<T>, prost_reads: bool) {
    let is_known = reading.unknown.is_empty();
    if is_well_formed(reading) {
        assert!(prost_reads || !is_known, "prost does not read what is well-formed");
    } else if !reading.refusals.iter().any(is_map_misread) {
        assert!(!prost_reads, "prost reads what is refused: {:?}", reading.refusals);
    }
}

/// Whether a map stands on the wire in a type that no map has: prost does not look at that.
fn is_map_misread(refusal: &Refusal) -> bool {
    static MAPS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let fields = messages().iter().flat_map(MessageDescriptor::fields);
        fields.filter(prost_reflect::FieldDescriptor::is_map).map(|field| field.name().to_owned()).collect()
    });
    let name = refusal.path.rsplit('.').next().unwrap_or_default();
    refusal.message.contains("where a length and bytes is due") && MAPS.contains(name)
}
