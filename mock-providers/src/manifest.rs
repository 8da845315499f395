//! The manifest of a plugin, `plugin.json`, from a profile (E-230 to E-236).

use serde_json::json;

use crate::{Profile, ServedService};

/// The text of `plugin.json`: enough for a host to find the plugin by the name of its provider, and to load it.
///
/// ```
/// use counterfoil_mock::{Profile, manifest};
///
/// let reference = Profile::named("reference").ok_or("it is known")?;
/// assert!(manifest::text(&reference).contains(r#""computePlanVersion": "v2""#));
/// # Ok::<(), &str>(())
/// ```
pub fn text(profile: &Profile) -> String {
    let services: Vec<&str> = profile.services.iter().copied().map(ServedService::name).collect();
    let mut manifest = json!({
        "name": profile.plugin,
        "version": profile.version,
        "author": "Counterfoil",
        "description": profile.description,
        "minEngineVersion": profile.min_engine_version,
        "capabilities": { "iacProvider": { "name": profile.provider } },
        "iacProvider": { "computePlanVersion": profile.compute_plan_version },
        "iacServices": services,
    });
    if !profile.state_backends.is_empty() {
        manifest["capabilities"]["iacStateBackends"] = json!(profile.state_backends);
    }
    serde_json::to_string_pretty(&manifest).expect("a manifest is plain JSON") + "\n"
}
