//! References in configs, resolved just before an action is dispatched: `${VAR}` and `${module.field}`.
//!
//! The grammar is that of E-100 to E-105: no nesting, no defaults, no escape.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    ops::Range,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use memchr::{memchr_iter, memmem};
use serde_json::Value;
use thiserror::Error;

use super::go_value;
use crate::json::{self, JsonMap};

/// How many bytes of JSON references may put into one config.
///
/// The bound is ours; Go has none. Without it, a chain of configs that each hold the output of the one before twice
/// doubles with every action, and a file of two kilobytes takes all memory. It is what a gRPC server
/// in Go receives by default in one message.
pub const MAX_RESOLVED: usize = 4 * 1024 * 1024;

/// How many bytes of JSON references may put into all configs of a run together, for they are all kept. Go has no
/// such bound either.
pub const MAX_RESOLVED_IN_RUN: usize = 16 * 1024 * 1024;

/// Outputs that references can see, by resource name (E-069), and how much was made of them in a run.
#[derive(Debug, Default)]
pub struct Synced {
    entries: HashMap<String, Entry>,
    /// What references have put in so far, in bytes; see [`MAX_RESOLVED_IN_RUN`].
    spent: AtomicUsize,
}

#[derive(Debug)]
struct Entry {
    provider_id: String,
    outputs: JsonMap,
    /// The outputs by name. Filled only when asked: most resources are never referred to other than by their id.
    fields: OnceLock<HashMap<String, Field>>,
}

/// An output: where it stands, and as text once it was asked for.
#[derive(Debug)]
struct Field(Range<usize>, OnceLock<String>);

impl Entry {
    fn text(&self, field: &str) -> Option<&str> {
        let fields = || {
            let places = self.outputs.places().into_iter();
            places.map(|(name, place)| (name, Field(place, OnceLock::new()))).collect()
        };
        let Field(place, text) = self.fields.get_or_init(fields).get(field)?;
        Some(text.get_or_init(|| match self.outputs.build_at(place) {
            Value::String(text) => text,
            value => go_value::format(&value),
        }))
    }
}

impl Synced {
    /// Makes a resource visible, in place of what was known under its name (E-070a).
    ///
    /// A provider id that is not empty shadows an output `id` (E-113).
    pub fn put(&mut self, name: &str, provider_id: &str, outputs: JsonMap) {
        let entry = Entry { provider_id: provider_id.to_owned(), outputs, fields: OnceLock::new() };
        self.entries.insert(name.to_owned(), entry);
    }

    /// Hides a resource, as after its deletion (E-070a).
    pub fn remove(&mut self, name: &str) {
        self.entries.remove(name);
    }

    /// Whether anything is known under a name, outputs or not.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// One field of a resource, as text (E-131).
    pub fn get(&self, name: &str, field: &str) -> Option<&str> {
        let entry = self.entries.get(name)?;
        if field == "id" && !entry.provider_id.is_empty() {
            return Some(&entry.provider_id);
        }
        entry.text(field)
    }

    /// Takes bytes out of what a run may put in. They are not given back where the config fails later: work is
    /// bounded too, not only memory.
    fn spend(&self, bytes: usize) -> Result<(), ReferenceError> {
        let limit = MAX_RESOLVED_IN_RUN;
        let add = |spent: usize| spent.checked_add(bytes).filter(|spent| *spent <= limit);
        self.spent.fetch_update(Relaxed, Relaxed, add).map_err(|_| ReferenceError::TooLarge { limit })?;
        Ok(())
    }
}

/// Everything that a reference can name.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// New ids of replaced resources, by name; they win over the outputs (E-110).
    pub replace_ids: &'a BTreeMap<String, String>,
    /// Outputs of resources (E-111).
    pub outputs: &'a Synced,
    /// Environment variables; one that is set but empty counts as set (E-112).
    pub environment: &'a BTreeMap<String, String>,
}

impl<'a> Scope<'a> {
    /// The text of one reference, by its body (E-102).
    fn resolve(&self, body: &str) -> Result<&'a str, ReferenceError> {
        if body.is_empty() {
            return Err(ReferenceError::EmptyBody);
        }
        let Some((module, field)) = body.split_once('.') else {
            let unset = || ReferenceError::NotSet { variable: body.to_owned() };
            return self.environment.get(body).map(String::as_str).ok_or_else(unset);
        };
        if module.is_empty() || field.is_empty() {
            return Err(ReferenceError::EmptyPart { body: body.to_owned() });
        }
        let replaced = if field == "id" { self.replace_ids.get(module) } else { None };
        replaced.map(String::as_str).or_else(|| self.outputs.get(module, field)).ok_or_else(|| {
            let (module, field) = (module.to_owned(), field.to_owned());
            if field == "id" {
                ReferenceError::NoId { module }
            } else if self.outputs.contains(&module) {
                ReferenceError::NoField { module, field }
            } else {
                ReferenceError::NotSynced { module, field }
            }
        })
    }
}

/// Why a reference has no value. The text is the engine's, before its prefix `jit substitution: ` (E-124).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// `${}` (E-103).
    #[error("malformed reference ${{}}: empty body")]
    EmptyBody,
    /// A dot with nothing before or behind it (E-103).
    #[error("malformed reference ${{{body}}}: empty module or field")]
    EmptyPart {
        /// What stands between the braces.
        body: String,
    },
    /// A resource whose id nobody knows (E-120).
    #[error(
        "unresolved reference ${{{module}.id}}: module {} has no .id in replaceIDMap or syncedOutputs",
        go_value::quote(.module)
    )]
    NoId {
        /// The resource's name.
        module: String,
    },
    /// A resource that nobody knows (E-121).
    #[error(
        "unresolved reference ${{{module}.{field}}}: module {} not found in syncedOutputs",
        go_value::quote(.module)
    )]
    NotSynced {
        /// The resource's name.
        module: String,
        /// The output that was asked for.
        field: String,
    },
    /// A resource without such an output (E-122).
    #[error(
        "unresolved reference ${{{module}.{field}}}: module {} has no field {}",
        go_value::quote(.module),
        go_value::quote(.field)
    )]
    NoField {
        /// The resource's name.
        module: String,
        /// The output that was asked for.
        field: String,
    },
    /// An environment variable that is not set (E-123).
    #[error("unresolved reference ${{{variable}}}: env var not set")]
    NotSet {
        /// The variable's name.
        variable: String,
    },
    /// References put in more than this harness allows, [`MAX_RESOLVED`] or [`MAX_RESOLVED_IN_RUN`]. The engine
    /// has no such error: a trace in which it went on is no fault of it.
    #[error("too large for this harness: references would put in more than {limit} bytes")]
    TooLarge {
        /// The bound that was reached, in bytes.
        limit: usize,
    },
}

/// Resolves every reference in the string values of a config (E-130). What was put in is not scanned again
/// (E-101); keys never are. A config without any reference comes back as the same bytes.
///
/// # Errors
/// The first reference without a value: keys in sorted order, items by index, left to right (E-124). Also the first
/// that puts in too much; until then memory holds no more than the bounds allow, beside what was given.
pub fn resolve(config: &JsonMap, scope: &Scope<'_>) -> Result<JsonMap, ReferenceError> {
    if !may_refer(config.as_bytes()) {
        return Ok(config.clone());
    }
    let mut room = MAX_RESOLVED;
    let mut spend = |bytes| {
        room = room.checked_sub(bytes).ok_or(ReferenceError::TooLarge { limit: MAX_RESOLVED })?;
        scope.outputs.spend(bytes)
    };
    config.map_strings(|text| {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, body, behind)) = next_reference(rest) {
            let put_in = scope.resolve(body)?;
            // In this order: only what is paid for is looked at.
            spend(put_in.len())?;
            spend(json::escapes_in(put_in))?;
            resolved.extend([before, put_in]);
            rest = behind;
        }
        // What is left is shorter than the text exactly if there was a reference.
        Ok((rest.len() < text.len()).then(|| resolved + rest))
    })
}

/// The bodies of all references in a config, malformed ones too, in the order in which they are resolved.
pub fn bodies(config: &JsonMap) -> Vec<String> {
    let mut bodies = Vec::new();
    if may_refer(config.as_bytes()) {
        let Ok(_) = config.map_strings::<Infallible>(|mut text| {
            while let Some((_, body, behind)) = next_reference(text) {
                bodies.push(body.to_owned());
                text = behind;
            }
            Ok(None)
        });
    }
    bodies
}

/// The first reference in a text: what stands before it, its body, what stands behind it (E-100).
fn next_reference(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (body, behind) = rest.split_once('}')?;
    Some((before, body, behind))
}

/// Whether JSON text can hold a reference at all; either character of `${` may be written as an escape.
fn may_refer(json: &[u8]) -> bool {
    memchr_iter(b'$', json).any(|at| matches!(json.get(at + 1), Some(b'{' | b'\\')))
        || memmem::find(json, b"\\u0024").is_some()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn map(text: &str) -> JsonMap {
        JsonMap::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    #[derive(Default)]
    struct World {
        replace_ids: BTreeMap<String, String>,
        outputs: Synced,
        environment: BTreeMap<String, String>,
    }

    impl World {
        /// `net` with an id and outputs, `bare` with neither; the variables `V` and `EMPTY`.
        fn new() -> Self {
            let mut world = Self::default();
            let outputs =
                r#"{"id":"shadowed","port":5432,"bytes":1234567,"list":["a",1],"a.b":true,"none":null}"#;
            world.outputs.put("net", "net-1", map(outputs));
            world.outputs.put("bare", "", JsonMap::nil());
            world.environment = BTreeMap::from(
                [("V", "value"), ("EMPTY", ""), (" V ", "spaced"), ("NEST", "${V}")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            world
        }

        fn resolve(&self, config: &JsonMap) -> Result<JsonMap, ReferenceError> {
            let Self { replace_ids, outputs, environment } = self;
            resolve(config, &Scope { replace_ids, outputs, environment })
        }

        /// One string as it is resolved, or the text of the error.
        fn text(&self, text: &str) -> String {
            let config = JsonMap::from_iter([("k", text)]);
            match self.resolve(&config) {
                Ok(config) => config.get("k").unwrap().as_str().unwrap().to_owned(),
                Err(error) => error.to_string(),
            }
        }
    }

    impl<'a> FromIterator<(&'a str, &'a str)> for JsonMap {
        fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(members: I) -> Self {
            let members = members.into_iter().map(|(key, text)| (key.to_owned(), Value::from(text)));
            Self::from(members.collect::<serde_json::Map<_, _>>())
        }
    }

    #[test]
    fn a_body_without_a_dot_is_a_variable_e102_e112() {
        let world = World::new();
        assert_eq!(world.text("<${V}>"), "<value>");
        assert_eq!(world.text("<${EMPTY}>"), "<>");
        assert_eq!(world.text("${MISSING}"), "unresolved reference ${MISSING}: env var not set");
    }

    #[test]
    fn white_space_in_a_body_counts_e105() {
        assert_eq!(World::new().text("${ V }"), "spaced");
    }

    #[test]
    fn there_is_no_escape_no_nesting_and_no_bare_variable_e100_e101() {
        let world = World::new();
        assert_eq!(world.text("$${V} $V {V} ${V"), "$value $V {V} ${V");
        assert_eq!(world.text("}${V}}"), "}value}");
        assert_eq!(world.text("${a${V}}"), "unresolved reference ${a${V}: env var not set");
    }

    #[test]
    fn resolved_text_is_not_scanned_again_e101() {
        assert_eq!(World::new().text("${NEST}${V}"), "${V}value");
    }

    #[test]
    fn the_first_dot_divides_e102() {
        let world = World::new();
        assert_eq!(world.text("${net.a.b}"), "true");
        assert_eq!(
            world.text("${net.list.0}"),
            r#"unresolved reference ${net.list.0}: module "net" has no field "list.0""#
        );
    }

    #[test]
    fn malformed_references_are_errors_e103() {
        let world = World::new();
        assert_eq!(world.text("${}"), "malformed reference ${}: empty body");
        for body in [".", ".x", "x."] {
            assert_eq!(
                world.text(&format!("${{{body}}}")),
                format!("malformed reference ${{{body}}}: empty module or field")
            );
        }
    }

    #[test]
    fn a_replaced_id_wins_over_a_provider_id_over_an_output_e110_e113() {
        let mut world = World::new();
        assert_eq!(world.text("${net.id}"), "net-1");
        world.replace_ids.insert("net".to_owned(), "net-2".to_owned());
        assert_eq!(world.text("${net.id}"), "net-2");
        world.outputs.put("out", "", map(r#"{"id":7}"#));
        assert_eq!(world.text("${out.id}"), "7");
    }

    #[test]
    fn replaced_ids_answer_for_nothing_but_the_id_e111() {
        let mut world = World::default();
        world.replace_ids.insert("net".to_owned(), "net-2".to_owned());
        assert_eq!(
            world.text("${net.port}"),
            r#"unresolved reference ${net.port}: module "net" not found in syncedOutputs"#
        );
    }

    #[test]
    fn what_is_missing_is_named_e120_e121_e122() {
        let world = World::new();
        for module in ["nobody", "bare"] {
            assert_eq!(
                world.text(&format!("${{{module}.id}}")),
                format!(
                    "unresolved reference ${{{module}.id}}: \
                     module \"{module}\" has no .id in replaceIDMap or syncedOutputs"
                )
            );
        }
        assert_eq!(
            world.text("${nobody.x}"),
            r#"unresolved reference ${nobody.x}: module "nobody" not found in syncedOutputs"#
        );
        assert_eq!(
            world.text("${bare.x}"),
            r#"unresolved reference ${bare.x}: module "bare" has no field "x""#
        );
        assert_eq!(
            world.text("${a\"\n.x}"),
            "unresolved reference ${a\"\n.x}: module \"a\\\"\\n\" not found in syncedOutputs"
        );
    }

    #[test]
    fn a_removed_resource_is_gone_and_a_new_one_takes_its_place_e070a() {
        let mut world = World::new();
        world.outputs.remove("net");
        assert!(world.text("${net.port}").ends_with("not found in syncedOutputs"));
        world.outputs.put("net", "net-3", JsonMap::nil());
        assert_eq!(world.text("${net.id}"), "net-3");
        assert!(world.text("${net.port}").ends_with("has no field \"port\""));
    }

    #[test]
    fn outputs_become_text_as_go_prints_them_e131_e132() {
        assert_eq!(
            World::new().text("${net.port} ${net.bytes} ${net.list} ${net.none}"),
            "5432 1.234567e+06 [a 1] <nil>"
        );
    }

    #[test]
    fn the_first_error_by_sorted_key_index_and_place_wins_e124() {
        let first = |text| World::new().resolve(&map(text)).unwrap_err();
        let unset = |variable: &str| ReferenceError::NotSet { variable: variable.to_owned() };
        assert_eq!(first(r#"{"b":"${1}","a":"${2}"}"#), unset("2"));
        assert_eq!(first(r#"{"a":["x",{"z":"${1}","y":"${2}"},"${3}"]}"#), unset("2"));
        assert_eq!(first(r#"{"a":"${V}${1}${2}"}"#), unset("1"));
        assert_eq!(first(r#"{"a":"${1}","Z":"${2}"}"#), unset("2"));
    }

    #[test]
    fn only_string_values_change_and_numbers_keep_their_text_e130() {
        let config = map(r#"{"n":1.50,"${V}":{"x":[1E5,true,null,"${V}"]},"a":"\ud800${V}"}"#);
        let resolved = World::new().resolve(&config).unwrap();
        assert_eq!(
            resolved,
            map("{\"${V}\":{\"x\":[1E5,true,null,\"value\"]},\"a\":\"\u{fffd}value\",\"n\":1.50}")
        );
    }

    #[test]
    fn references_written_with_escapes_are_references() {
        for text in [r"\u0024{V}", r"$\u007bV}", r"$\u007BV\u007d", r"\u0024\u007b\u0056}"] {
            let config = map(&format!(r#"{{"k":"{text}"}}"#));
            assert_eq!(World::new().resolve(&config).unwrap(), map(r#"{"k":"value"}"#), "{text}");
            assert_eq!(bodies(&config), ["V"], "{text}");
        }
        let literal = map(r#"{"k":"\\u0024{V}"}"#);
        assert_eq!(World::new().resolve(&literal).unwrap(), literal);
    }

    #[test]
    fn references_are_resolved_at_any_depth() {
        let nest =
            |core: &str| map(&["{\"k\":".repeat(9_999), format!("[{core}]"), "}".repeat(9_999)].concat());
        assert_eq!(World::new().resolve(&nest("\"${V}\"")).unwrap(), nest("\"value\""));
    }

    #[test]
    fn a_nil_config_stays_nil_e133() {
        assert!(World::new().resolve(&JsonMap::nil()).unwrap().is_nil());
        assert_eq!(bodies(&JsonMap::nil()), Vec::<String>::new());
    }

    #[test]
    fn bodies_come_in_the_order_of_resolution() {
        let config = map(r#"{"b":["${3}${}","${a.b}"],"a":"${2}","A":{"${no}":"${1}"}}"#);
        assert_eq!(bodies(&config), ["1", "2", "3", "", "a.b"]);
    }

    fn config(text: &'static str) -> impl Strategy<Value = JsonMap> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[${}V.a]{0,6}", inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        });
        prop::collection::btree_map("[a-d$]{1,3}", value, 0..4)
            .prop_map(|members| JsonMap::from(serde_json::Map::from_iter(members)))
    }

    /// Everything but the string values.
    fn frame(value: &mut Value) {
        match value {
            Value::String(text) => text.clear(),
            Value::Array(items) => items.iter_mut().for_each(frame),
            Value::Object(members) => members.values_mut().for_each(frame),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The value of `v` twice, once from each of two references.
    fn doubled(name: &str) -> JsonMap {
        map(&format!(r#"{{"v":"${{{name}.v}}${{{name}.v}}"}}"#))
    }

    #[test]
    fn a_chain_of_doublings_ends_at_the_bound() {
        let mut world = World::default();
        world.outputs.put("a", "", map(r#"{"v":"0123456789abcdef"}"#));
        let mut size = 16;
        let error = loop {
            match world.resolve(&doubled("a")) {
                Ok(config) => {
                    size *= 2;
                    assert_eq!(config.as_bytes().len(), size + r#"{"v":""}"#.len());
                    world.outputs.put("a", "", config);
                }
                Err(error) => break error,
            }
        };
        assert_eq!((size, error), (MAX_RESOLVED, ReferenceError::TooLarge { limit: MAX_RESOLVED }));
    }

    #[test]
    fn a_run_ends_at_its_own_bound_and_configs_without_references_go_on() {
        let mut world = World::default();
        let value = "x".repeat(MAX_RESOLVED / 2);
        world.outputs.put("a", "a-1", JsonMap::from_iter([("v", value.as_str())]));
        let all: Vec<_> = (0..10_000).map(|_| world.resolve(&doubled("a"))).collect();
        let most = MAX_RESOLVED_IN_RUN / MAX_RESOLVED;
        let too_large = ReferenceError::TooLarge { limit: MAX_RESOLVED_IN_RUN };
        assert!(all[..most].iter().all(Result::is_ok));
        assert!(all[most..].iter().all(|one| *one == Err(too_large.clone())));
        assert_eq!(
            world.text("${a.id}"),
            "too large for this harness: references would put in more than 16777216 bytes"
        );
        let literal = map(r#"{"v":"$a.v"}"#);
        assert_eq!(world.resolve(&literal), Ok(literal));
    }

    #[test]
    fn escapes_count_as_they_are_written() {
        let mut world = World::default();
        let sixth = MAX_RESOLVED / 6;
        world.environment.insert("V".to_owned(), "\u{1}".repeat(sixth));
        assert!(world.resolve(&map(r#"{"v":"${V}"}"#)).is_ok());
        world.environment.insert("V".to_owned(), "\u{1}".repeat(sixth + 1));
        let too_large = ReferenceError::TooLarge { limit: MAX_RESOLVED };
        assert_eq!(world.resolve(&map(r#"{"v":"${V}"}"#)), Err(too_large));
    }

    #[test]
    fn the_size_of_the_config_itself_does_not_count() {
        let literal = "x".repeat(MAX_RESOLVED);
        let config = JsonMap::from_iter([("v", format!("{literal}${{V}}").as_str())]);
        assert!(World::new().resolve(&config).is_ok());
    }

    proptest! {
        #[test]
        fn a_config_without_references_is_returned_byte_for_byte(config in config("[${V.\\\\\"é]{0,8}")) {
            let resolved = World::default().resolve(&config).unwrap();
            prop_assert_eq!(bodies(&config), Vec::<String>::new());
            prop_assert_eq!(resolved.as_bytes().as_ptr(), config.as_bytes().as_ptr());
        }

        #[test]
        fn keys_and_other_values_stay(config in config("(\\$|\\$\\{(V|NEST|net\\.port)\\}|é){0,4}")) {
            let resolved = World::new().resolve(&config).unwrap();
            let [mut before, mut after] = [&config, &resolved].map(|map| json!(map.build()));
            frame(&mut before);
            frame(&mut after);
            prop_assert_eq!(before, after);
        }

        #[test]
        fn a_text_is_scanned_once(value in "[${}V]{0,12}") {
            let mut world = World::default();
            world.environment.insert("V".to_owned(), value.clone());
            prop_assert_eq!(world.text("<${V}|${V}>"), format!("<{value}|{value}>"));
        }

        #[test]
        fn replaced_ids_win(old in "[a-z]{0,3}", new in ".*", output in ".*") {
            let mut world = World::default();
            world.outputs.put("net", &old, JsonMap::from_iter([("id", output.as_str())]));
            prop_assert_eq!(world.text("${net.id}"), if old.is_empty() { output } else { old });
            world.replace_ids.insert("net".to_owned(), new.clone());
            prop_assert_eq!(world.text("${net.id}"), new);
        }

        #[test]
        fn an_error_names_the_first_body_unset(config in config("(\\$\\{(V|X|Y|a\\.b)\\}|-){0,3}")) {
            let missing = bodies(&config).into_iter().find(|body| body != "V");
            let error = World::new().resolve(&config).err();
            prop_assert_eq!(error.is_some(), missing.is_some());
            if let (Some(error), Some(body)) = (error, missing) {
                let start = format!("unresolved reference ${{{body}}}: ");
                prop_assert!(error.to_string().starts_with(&start));
            }
        }
    }
}
