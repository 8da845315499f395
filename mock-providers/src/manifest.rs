//! The manifest of a plugin, `plugin.json`, from a profile (E-230 to E-236).

use serde_json::{Value, json};

use crate::{Declared, Profile, ServedService};

/// The text of `plugin.json`, as the plugin of the profile has it: also where a host cannot find it by the
/// name of its provider, since it does not tell it (E-235, H-75).
///
/// ```
/// use counterfoil_mock::{Profile, manifest};
///
/// let reference = Profile::named("reference").ok_or("it is known")?;
/// assert!(manifest::text(&reference).contains(r#""computePlanVersion": "v2""#));
/// # Ok::<(), &str>(())
/// ```
pub fn text(profile: &Profile) -> String {
    let declared = &profile.point.manifest;
    let mut manifest = json!({
        "name": profile.plugin,
        "version": profile.point.version,
        "author": "Counterfoil",
        "description": profile.description,
        "minEngineVersion": profile.point.min_engine_version,
        "capabilities": capabilities(declared),
    });
    if let Some(version) = &declared.compute_plan_version {
        manifest["iacProvider"] = json!({ "computePlanVersion": version });
    }
    if !declared.services.is_empty() {
        let services = declared.services.iter().copied().map(ServedService::name);
        manifest["iacServices"] = services.collect();
    }
    serde_json::to_string_pretty(&manifest).expect("a manifest is plain JSON") + "\n"
}

/// Never empty, which a host's tools would take for a mistake (E-281).
fn capabilities(declared: &Declared) -> Value {
    let mut capabilities = json!({ "configProvider": false });
    if let Some(name) = &declared.provider_name {
        capabilities["iacProvider"] = json!({ "name": name });
    }
    if !declared.resource_types.is_empty() {
        capabilities["iacProvider"]["resourceTypes"] = json!(declared.resource_types);
    }
    if !declared.state_backends.is_empty() {
        capabilities["iacStateBackends"] = json!(declared.state_backends);
    }
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str) -> Value {
        serde_json::from_str(&text(&Profile::named(name).unwrap())).unwrap()
    }

    #[test]
    fn a_manifest_tells_what_the_plugin_tells_and_no_more() {
        assert_eq!(
            manifest("aws@1.2.1"),
            json!({
                "name": "workflow-plugin-aws",
                "version": "1.2.0",
                "author": "Counterfoil",
                "description": "A stand-in for workflow-plugin-aws, over an in-memory cloud",
                "minEngineVersion": "0.54.0",
                "capabilities": { "configProvider": false, "iacStateBackends": ["s3"] },
            })
        );
        let ocean = manifest("digitalocean@1.1.0");
        assert_eq!(ocean["capabilities"]["iacProvider"]["name"], "digitalocean");
        assert_eq!(ocean["capabilities"]["iacProvider"]["resourceTypes"].as_array().unwrap().len(), 15);
        assert_eq!(ocean["iacProvider"]["computePlanVersion"], "v2");
    }

    #[test]
    fn the_reference_tells_its_services_in_full() {
        let reference = manifest("reference");
        assert_eq!(reference["iacServices"].as_array().unwrap().len(), ServedService::ALL.len());
        assert_eq!(reference["capabilities"]["iacProvider"], json!({ "name": "mock" }));
    }
}
