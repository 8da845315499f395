use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Change, Cloud, CloudError, Job, Resource, Seed, Target, Traits};

fn by_name<'a>(resource_type: &'a str, name: &'a str) -> Target<'a> {
    Target { resource_type, name, provider_id: "" }
}

fn by_id<'a>(resource_type: &'a str, provider_id: &'a str) -> Target<'a> {
    Target { resource_type, name: "", provider_id }
}

fn outputs(resource: &Resource) -> Value {
    serde_json::from_slice(&resource.outputs).unwrap()
}

#[test]
fn ids_are_readable_and_depend_on_the_calls_alone() {
    let ids = || {
        let cloud = Cloud::default();
        let types = ["infra.vpc", "infra.database", "infra.vpc", "other.vpc", "plain", "infra."];
        let create = |(i, t)| cloud.create(t, &format!("r{i}"), b"").unwrap().provider_id.clone();
        types.into_iter().enumerate().map(create).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["vpc-1", "database-1", "vpc-2", "vpc-3", "plain-1", "infra-1"]);
    assert_eq!(ids(), ids());
}

#[test]
fn an_owner_stays_with_the_resource_and_goes_with_it() {
    let cloud = Cloud::default();
    let net = by_name("infra.vpc", "net");
    assert!(matches!(cloud.set_owner(&net, "ann"), Err(CloudError::NotFound(_))));
    cloud.create("infra.vpc", "net", b"").unwrap();
    assert!(matches!(cloud.set_owner(&net, ""), Err(CloudError::InvalidArgument(_))));
    cloud.set_owner(&net, "ann").unwrap();
    cloud.update(&Target { name: "renamed", ..by_id("infra.vpc", "vpc-1") }, b"{}").unwrap();
    assert_eq!(cloud.read(&by_name("infra.vpc", "renamed")).unwrap().owner, "ann");
    assert_eq!(cloud.read(&by_id("infra.vpc", "vpc-1")).unwrap().owner, "ann");
    cloud.delete(&by_id("infra.vpc", "vpc-1")).unwrap();
    assert_eq!(cloud.create("infra.vpc", "renamed", b"").unwrap().owner, "");
}

#[test]
fn a_job_is_found_by_its_id_and_has_run_unless_it_waits() {
    let cloud = Cloud::default();
    let now = cloud.run(Job { name: "now".into(), image: "img".into(), ..Job::default() });
    let later = cloud.run(Job { name: "later".into(), cron: "@daily".into(), ..Job::default() });
    assert_eq!((now.id.as_str(), later.id.as_str()), ("job-1", "job-2"));
    assert!(now.is_done() && !now.log().is_empty());
    assert!(!later.is_done() && later.log().is_empty());
    assert_eq!(cloud.job("job-2"), Ok(later));
    assert!(matches!(cloud.job("job-3"), Err(CloudError::NotFound(_))));
    assert!(matches!(cloud.job(""), Err(CloudError::InvalidArgument(_))));
}

#[test]
fn an_id_is_never_given_out_twice() {
    let cloud = Cloud::default();
    let seed = |id| Seed { resource_type: "infra.vpc", name: id, provider_id: id, ..Seed::default() };
    cloud.seed(&seed("vpc-2")).unwrap();
    cloud.seed(&seed("vpc-3")).unwrap();
    cloud.delete(&by_id("infra.vpc", "vpc-3")).unwrap();

    assert_eq!(cloud.create("infra.vpc", "a", b"").unwrap().provider_id, "vpc-1");
    cloud.delete(&by_name("infra.vpc", "a")).unwrap();
    assert_eq!(cloud.create("infra.vpc", "a", b"").unwrap().provider_id, "vpc-4");
}

#[test]
fn a_failed_create_uses_up_no_id() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "a", b"[]").unwrap_err();
    cloud.create("infra.vpc", "", b"").unwrap_err();
    assert_eq!(cloud.create("infra.vpc", "a", b"").unwrap().provider_id, "vpc-1");
}

#[test]
fn a_type_and_a_name_belong_to_one_live_resource() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "a", b"").unwrap();
    let conflict = cloud.create("infra.vpc", "a", b"").unwrap_err();
    assert_eq!(conflict, CloudError::AlreadyExists("infra.vpc \"a\" (id vpc-1)".into()));
    assert_eq!(conflict.to_string(), "iac: resource already exists: infra.vpc \"a\" (id vpc-1)");
    cloud.create("infra.cache", "a", b"").unwrap();
    assert_eq!(cloud.list().len(), 2);

    assert!(cloud.delete(&by_name("infra.vpc", "a")).unwrap());
    cloud.create("infra.vpc", "a", b"").unwrap();
}

#[test]
fn a_seed_conflicts_by_name_and_by_id() {
    let cloud = Cloud::default();
    let seed = Seed { resource_type: "infra.cache", name: "old", provider_id: "c-1", ..Seed::default() };
    assert_eq!(cloud.seed(&seed).unwrap().provider_id, "c-1");
    for other in [Seed { name: "new", ..seed }, Seed { provider_id: "c-2", ..seed }] {
        assert!(matches!(cloud.seed(&other), Err(CloudError::AlreadyExists(_))));
    }
    let given = cloud.seed(&Seed { name: "new", provider_id: "", ..seed }).unwrap();
    assert_eq!(given.provider_id, "cache-1");
}

#[test]
fn a_resource_is_found_by_its_id_or_else_by_its_name() {
    let cloud = Cloud::default();
    let net = cloud.create("infra.vpc", "net", br#"{"a":1}"#).unwrap();
    assert_eq!(cloud.read(&by_id("infra.vpc", "vpc-1")).unwrap(), net);
    assert_eq!(cloud.read(&by_name("infra.vpc", "net")).unwrap(), net);
    // The id decides, whatever name stands beside it.
    let renamed = Target { name: "other", ..by_id("infra.vpc", "vpc-1") };
    assert_eq!(cloud.read(&renamed).unwrap(), net);

    for missing in [
        by_id("infra.vpc", "vpc-2"),
        by_id("infra.cache", "vpc-1"),
        by_name("infra.cache", "net"),
        Target { name: "net", ..by_id("infra.vpc", "vpc-2") },
    ] {
        let error = cloud.read(&missing).unwrap_err();
        assert_eq!(error, CloudError::NotFound(missing.to_string()));
        assert!(error.to_string().starts_with("iac: resource not found: infra."));
    }
    assert!(matches!(cloud.read(&by_name("infra.vpc", "")), Err(CloudError::InvalidArgument(_))));
}

#[test]
fn an_update_changes_config_and_outputs_and_keeps_the_id() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "net", br#"{"cidr":"a","gone":1}"#).unwrap();
    for target in [by_id("infra.vpc", "vpc-1"), by_name("infra.vpc", "net")] {
        let updated = cloud.update(&target, br#"{"cidr":"b"}"#).unwrap();
        assert_eq!(updated.provider_id, "vpc-1");
        assert_eq!(updated.name, "net");
        assert_eq!(outputs(&updated), json!({ "cidr": "b", "endpoint": "net.vpc.mock.internal" }));
        assert_eq!(cloud.read(&target).unwrap(), updated);
    }
    let missing = cloud.update(&by_name("infra.vpc", "none"), b"{}").unwrap_err();
    assert_eq!(missing, CloudError::NotFound("infra.vpc \"none\"".into()));
}

#[test]
fn an_update_by_id_can_rename() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "a", b"").unwrap();
    cloud.create("infra.vpc", "b", b"").unwrap();
    let rename = |name| cloud.update(&Target { name, ..by_id("infra.vpc", "vpc-1") }, b"");
    assert!(matches!(rename("b"), Err(CloudError::AlreadyExists(_))));
    assert_eq!(rename("c").unwrap().name, "c");
    assert!(matches!(cloud.read(&by_name("infra.vpc", "a")), Err(CloudError::NotFound(_))));
    assert_eq!(cloud.read(&by_name("infra.vpc", "c")).unwrap().provider_id, "vpc-1");
}

#[test]
fn deleting_what_is_gone_succeeds() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "net", b"").unwrap();
    let target = by_id("infra.vpc", "vpc-1");
    assert_eq!(cloud.delete(&target), Ok(true));
    assert_eq!(cloud.delete(&target), Ok(false));
    assert_eq!(cloud.list(), []);
    assert!(matches!(cloud.delete(&by_name("infra.vpc", "")), Err(CloudError::InvalidArgument(_))));
}

#[test]
fn outputs_are_the_scalars_of_the_config_and_an_endpoint() {
    let cloud = Cloud::default();
    let config = br#"{"s":"x","n":1.50,"t":true,"z":null,"o":{"a":1},"l":[1],"big":12345678901234567890123}"#;
    let net = cloud.create("infra.vpc", "net", config).unwrap();
    assert_eq!(
        net.outputs,
        r#"{"big":12345678901234567890123,"endpoint":"net.vpc.mock.internal","n":1.50,"s":"x","t":true}"#
    );
    assert_eq!(net.config, config.as_slice());
    assert!(!net.sensitive);
    assert_eq!(outputs(&cloud.create("infra.vpc", "nil", b"").unwrap()).as_object().unwrap().len(), 1);
    assert_eq!(outputs(&cloud.create("infra.vpc", "null", b"null").unwrap()).as_object().unwrap().len(), 1);
}

#[test]
fn sensitive_types_have_a_password() {
    let cloud = Cloud::default();
    let db = cloud.create("infra.database", "db", b"").unwrap();
    assert!(db.sensitive);
    assert_eq!(outputs(&db)["password"], "secret-of-database-1");
    let own = cloud.create("infra.database", "own", br#"{"password":"mine"}"#).unwrap();
    assert_eq!(outputs(&own)["password"], "mine");

    let cloud = Cloud::new(Traits { sensitive: ["infra.vpc".into()].into(), ..Traits::default() });
    assert!(cloud.create("infra.vpc", "net", b"").unwrap().sensitive);
    assert!(!cloud.create("infra.database", "db", b"").unwrap().sensitive);
}

#[test]
fn seeded_outputs_stay_where_the_config_does_not_name_them() {
    let cloud = Cloud::default();
    let seed = Seed {
        resource_type: "infra.vpc",
        name: "net",
        provider_id: "v-9",
        config: br#"{"region":"a"}"#,
        outputs: br#"{"arn":"x","region":"stale","endpoint":"old.example"}"#,
    };
    let wanted = |region| json!({ "arn": "x", "region": region, "endpoint": "old.example" });
    assert_eq!(outputs(&cloud.seed(&seed).unwrap()), wanted("a"));
    let updated = cloud.update(&by_name("infra.vpc", "net"), br#"{"region":"b"}"#).unwrap();
    assert_eq!(outputs(&updated), wanted("b"));
}

#[test]
fn a_diff_names_the_keys_that_differ() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "net", br#"{"region":"a","size":{"cpu":1},"tags":["x"],"same":1}"#).unwrap();
    let diff = |desired: &[u8]| cloud.diff(&by_name("infra.vpc", "net"), desired).unwrap();

    let update = diff(br#"{"region":"a","size":{"cpu":2},"same":1,"new":null}"#);
    assert!(update.needs_update() && !update.needs_replace());
    let change = |path: &str, old: &'static str, new: &'static str, force_new| Change {
        path: path.into(),
        old: old.into(),
        new: new.into(),
        force_new,
    };
    let wanted = [
        change("new", "", "null", false),
        change("size", r#"{"cpu":1}"#, r#"{"cpu":2}"#, false),
        change("tags", r#"["x"]"#, "", false),
    ];
    assert_eq!(update.changes, wanted);

    let replace = diff(br#"{"region":"b","size":{"cpu":2},"tags":["x"],"same":1}"#);
    assert!(replace.needs_replace() && !replace.needs_update());
    assert_eq!(replace.changes[0], change("region", r#""a""#, r#""b""#, true));
    assert!(!replace.changes[1].force_new);
}

#[test]
fn a_diff_is_about_values_not_about_how_they_are_written() {
    let cloud = Cloud::default();
    let config = br#"{"o":{"a":[1,{"x":1,"y":2}],"b":"a"},"n":1000000,"e":0.5}"#;
    cloud.create("infra.vpc", "net", config).unwrap();
    let diff = |desired: &[u8]| cloud.diff(&by_name("infra.vpc", "net"), desired).unwrap();
    let rewritten = br#" {"e":5e-1, "n":1e+06, "o":{"b":"\u0061","a":[1.0,{"y":2,"x":1}]}} "#;
    assert_eq!(diff(rewritten), super::Diff::default());
    assert!(!diff(rewritten).needs_update());
    let large = br#"{"o":{"a":[1,{"x":1,"y":2}],"b":"a"},"n":1000000,"e":0.5,"big":9007199254740993}"#;
    cloud.update(&by_name("infra.vpc", "net"), large).unwrap();
    let other = br#"{"o":{"a":[1,{"x":1,"y":2}],"b":"a"},"n":1000000,"e":0.5,"big":9007199254740992}"#;
    assert_eq!(diff(other).changes.len(), 1);
}

#[test]
fn a_diff_with_what_is_missing_is_not_found() {
    let cloud = Cloud::default();
    assert!(matches!(cloud.diff(&by_id("infra.vpc", "vpc-1"), b""), Err(CloudError::NotFound(_))));
}

#[test]
fn keys_that_force_a_replace_are_the_clouds_own() {
    let cloud = Cloud::new(Traits { force_new: ["engine".into()].into(), ..Traits::default() });
    cloud.create("infra.database", "db", br#"{"engine":"pg","region":"a"}"#).unwrap();
    let diff = |desired: &[u8]| cloud.diff(&by_name("infra.database", "db"), desired).unwrap();
    assert!(diff(br#"{"engine":"my","region":"a"}"#).needs_replace());
    assert!(!diff(br#"{"engine":"pg","region":"b"}"#).needs_replace());
}

#[test]
fn scaling_sets_replicas_and_nothing_else() {
    let cloud = Cloud::default();
    cloud.create("infra.cache", "c", br#"{"o":{"a":[1.0]},"replicas":1}"#).unwrap();
    let scaled = cloud.scale(&by_name("infra.cache", "c"), 3).unwrap();
    assert_eq!(scaled.config, r#"{"o":{"a":[1.0]},"replicas":3}"#);
    assert_eq!(outputs(&scaled)["replicas"], 3);
    assert!(matches!(cloud.scale(&by_name("infra.cache", "c"), -1), Err(CloudError::InvalidArgument(_))));
    assert!(matches!(cloud.scale(&by_name("infra.cache", "d"), 1), Err(CloudError::NotFound(_))));
}

#[test]
fn json_that_is_no_object_is_refused_and_changes_nothing() {
    let cloud = Cloud::default();
    cloud.create("infra.vpc", "net", br#"{"a":1}"#).unwrap();
    let target = by_name("infra.vpc", "net");
    let before = cloud.list();
    for bad in ["[]", "1", "\"x\"", "{", "{}}", "{\"a\":}", " ", "{\"a\":1", "\u{0}"] {
        for error in [
            cloud.create("infra.vpc", "new", bad.as_bytes()).unwrap_err(),
            cloud.update(&target, bad.as_bytes()).unwrap_err(),
            cloud.diff(&target, bad.as_bytes()).unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("iac: validation error: config"), "{bad:?}: {error}");
        }
    }
    assert_eq!(cloud.list(), before);
}

#[test]
fn deep_nesting_and_foreign_bytes_do_no_harm() {
    let cloud = Cloud::default();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    cloud.create("infra.vpc", "deep", deep.as_bytes()).unwrap();
    let target = by_name("infra.vpc", "deep");
    assert_eq!(cloud.diff(&target, deep.as_bytes()).unwrap().changes, []);
    assert_eq!(cloud.diff(&target, deep.replace("[[", "[ [").as_bytes()).unwrap().changes.len(), 1);
    // A Go peer replaces what is no UTF-8.
    let odd = cloud.create("infra.vpc", "odd", b"{\"a\":\"\xff\"}").unwrap();
    assert_eq!(outputs(&odd)["a"], "\u{fffd}");
}

#[test]
fn clones_share_the_cloud() {
    let cloud = Cloud::default();
    cloud.clone().create("infra.vpc", "b", b"").unwrap();
    cloud.clone().create("infra.cache", "z", b"").unwrap();
    cloud.clone().create("infra.vpc", "a", b"").unwrap();
    let listed = cloud.list();
    let listed: Vec<_> = listed.iter().map(|r| (r.resource_type.as_str(), r.name.as_str())).collect();
    assert_eq!(listed, [("infra.cache", "z"), ("infra.vpc", "a"), ("infra.vpc", "b")]);
}

/// The smallest cloud that could be right: a list.
#[derive(Default)]
struct Model {
    live: Vec<Live>,
    given: HashSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct Live {
    kind: &'static str,
    name: String,
    id: String,
    config: BTreeMap<String, u8>,
}

#[derive(Clone, Debug)]
enum Op {
    Create(Place, BTreeMap<String, u8>),
    Seed(Place, BTreeMap<String, u8>),
    Read(Place),
    Update(Place, BTreeMap<String, u8>),
    Delete(Place),
    Diff(Place, BTreeMap<String, u8>),
}

/// Drawn from few values, so that operations meet. The id is empty, or one that may or may not exist.
#[derive(Clone, Debug)]
struct Place {
    kind: &'static str,
    name: String,
    id: String,
}

impl Place {
    fn target(&self) -> Target<'_> {
        Target { resource_type: self.kind, name: &self.name, provider_id: &self.id }
    }
}

fn place() -> impl Strategy<Value = Place> {
    let kind = prop_oneof![Just("infra.vpc"), Just("infra.database"), Just("other.vpc")];
    let name = prop_oneof![6 => "[ab]", 1 => Just(String::new())];
    let id = prop_oneof![4 => Just(String::new()), 4 => "vpc-[1-5]", 1 => "database-[1-3]"];
    (kind, name, id).prop_map(|(kind, name, id)| Place { kind, name, id })
}

fn op() -> impl Strategy<Value = Op> {
    let config = || prop::collection::btree_map("region|size|tags", 0..3u8, 0..3);
    prop_oneof![
        3 => (place(), config()).prop_map(|(p, c)| Op::Create(p, c)),
        1 => (place(), config()).prop_map(|(p, c)| Op::Seed(p, c)),
        1 => place().prop_map(Op::Read),
        2 => (place(), config()).prop_map(|(p, c)| Op::Update(p, c)),
        2 => place().prop_map(Op::Delete),
        1 => (place(), config()).prop_map(|(p, c)| Op::Diff(p, c)),
    ]
}

#[derive(Debug, PartialEq)]
enum Refusal {
    NotFound,
    AlreadyExists,
    InvalidArgument,
}

impl From<CloudError> for Refusal {
    fn from(error: CloudError) -> Self {
        match error {
            CloudError::NotFound(_) => Self::NotFound,
            CloudError::AlreadyExists(_) => Self::AlreadyExists,
            CloudError::InvalidArgument(_) => Self::InvalidArgument,
        }
    }
}

impl Model {
    fn find(&self, p: &Place) -> Result<usize, Refusal> {
        let same_kind = |live: &Live| live.kind == p.kind;
        let found = match (p.id.as_str(), p.name.as_str()) {
            ("", "") => return Err(Refusal::InvalidArgument),
            ("", name) => self.live.iter().position(|live| same_kind(live) && live.name == name),
            (id, _) => self.live.iter().position(|live| same_kind(live) && live.id == id),
        };
        found.ok_or(Refusal::NotFound)
    }

    fn insert(&mut self, p: &Place, config: &BTreeMap<String, u8>) -> Result<Live, Refusal> {
        if p.name.is_empty() {
            return Err(Refusal::InvalidArgument);
        }
        let taken = |live: &Live| (live.kind == p.kind && live.name == p.name) || live.id == p.id;
        if self.live.iter().any(taken) {
            return Err(Refusal::AlreadyExists);
        }
        let id = if p.id.is_empty() {
            let segment = p.kind.split('.').next_back().unwrap();
            (1..99).map(|n| format!("{segment}-{n}")).find(|id| !self.given.contains(id)).unwrap()
        } else {
            p.id.clone()
        };
        self.given.insert(id.clone());
        let live = Live { kind: p.kind, name: p.name.clone(), id, config: config.clone() };
        self.live.push(live.clone());
        Ok(live)
    }

    fn update(&mut self, p: &Place, config: &BTreeMap<String, u8>) -> Result<Live, Refusal> {
        let at = self.find(p)?;
        let others = self.live.iter().enumerate().filter(|(i, _)| *i != at);
        if others.into_iter().any(|(_, live)| live.kind == p.kind && live.name == p.name) {
            return Err(Refusal::AlreadyExists);
        }
        if !p.name.is_empty() {
            self.live[at].name.clone_from(&p.name);
        }
        self.live[at].config = config.clone();
        Ok(self.live[at].clone())
    }
}

fn seen(resource: &Resource) -> Live {
    let kind = ["infra.vpc", "infra.database", "other.vpc"];
    Live {
        kind: kind.into_iter().find(|kind| *kind == resource.resource_type).unwrap(),
        name: resource.name.clone(),
        id: resource.provider_id.clone(),
        config: serde_json::from_slice(&resource.config).unwrap(),
    }
}

proptest! {
    #[test]
    fn random_operations_agree_with_a_list(ops in prop::collection::vec(op(), 1..60)) {
        let cloud = Cloud::default();
        let mut model = Model::default();
        let json = |config: &BTreeMap<String, u8>| serde_json::to_vec(config).unwrap();
        let one = |found: Result<std::sync::Arc<Resource>, CloudError>| {
            found.map(|resource| seen(&resource)).map_err(Refusal::from)
        };
        for op in &ops {
            match op {
                Op::Create(p, config) => {
                    let p = &Place { id: String::new(), ..p.clone() };
                    let created = one(cloud.create(p.kind, &p.name, &json(config)));
                    // An id that was given out once is never given out again, so the model knows it too.
                    prop_assert_eq!(created, model.insert(p, config));
                }
                Op::Seed(p, config) => {
                    let config_json = json(config);
                    let seed = Seed {
                        resource_type: p.kind,
                        name: &p.name,
                        provider_id: &p.id,
                        config: &config_json,
                        outputs: b"",
                    };
                    prop_assert_eq!(one(cloud.seed(&seed)), model.insert(p, config));
                }
                Op::Read(p) => {
                    let found = model.find(p).map(|at| model.live[at].clone());
                    prop_assert_eq!(one(cloud.read(&p.target())), found);
                }
                Op::Update(p, config) => {
                    prop_assert_eq!(one(cloud.update(&p.target(), &json(config))), model.update(p, config));
                }
                Op::Delete(p) => {
                    let gone = match model.find(p) {
                        Ok(at) => { model.live.remove(at); Ok(true) }
                        Err(Refusal::NotFound) => Ok(false),
                        Err(refusal) => Err(refusal),
                    };
                    prop_assert_eq!(cloud.delete(&p.target()).map_err(Refusal::from), gone);
                }
                Op::Diff(p, config) => {
                    let diff = cloud.diff(&p.target(), &json(config)).map_err(Refusal::from);
                    let wanted = model.find(p).map(|at| {
                        let old = &model.live[at].config;
                        let keys = ["region", "size", "tags"].into_iter();
                        keys.filter(|key| old.get(*key) != config.get(*key)).collect::<Vec<_>>()
                    });
                    match (diff, wanted) {
                        (Ok(diff), Ok(wanted)) => {
                            let paths: Vec<_> = diff.changes.iter().map(|c| c.path.as_str()).collect();
                            prop_assert_eq!(diff.needs_replace(), wanted.contains(&"region"));
                            prop_assert_eq!(
                                diff.needs_update(),
                                !wanted.is_empty() && !wanted.contains(&"region")
                            );
                            prop_assert_eq!(paths, wanted);
                        }
                        (diff, wanted) => prop_assert_eq!(diff.map(drop), wanted.map(drop)),
                    }
                }
            }
            let mut live = model.live.clone();
            live.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
            prop_assert_eq!(cloud.list().iter().map(|r| seen(r)).collect::<Vec<_>>(), live);
        }
    }
}
