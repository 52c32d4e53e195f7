//! Who manages an object from outside: a change made here would be undone there.

use serde_json::Value;

use crate::field::text;

/// The manager in a sentence; nothing where no label or annotation names one.
pub fn of(object: &Value) -> Option<String> {
    let label = |key: &str| note(object, "/metadata/labels", key);
    let annotation = |key: &str| note(object, "/metadata/annotations", key);
    let flux = |prefix: &str, kind: &str| {
        let name = label(&format!("{prefix}/name"))?;
        let namespace = label(&format!("{prefix}/namespace")).unwrap_or("?");
        Some(format!("Flux {kind} {name} in {namespace}"))
    };
    if let Some(flux) = flux("kustomize.toolkit.fluxcd.io", "kustomization") {
        return Some(flux);
    }
    if let Some(flux) = flux("helm.toolkit.fluxcd.io", "helmrelease") {
        return Some(flux);
    }
    // `app:group/Kind:namespace/name`, or a label with the application alone.
    if let Some(app) = annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next()) {
        return Some(format!("Argo CD application {app}"));
    }
    if let Some(app) = label("argocd.argoproj.io/instance") {
        return Some(format!("Argo CD application {app}"));
    }
    if label("app.kubernetes.io/managed-by").is_some_and(|by| by.eq_ignore_ascii_case("helm"))
        && let Some(release) = annotation("meta.helm.sh/release-name")
    {
        let namespace = annotation("meta.helm.sh/release-namespace").unwrap_or("?");
        return Some(format!("Helm release {release} in {namespace}"));
    }
    label("app.kubernetes.io/managed-by").map(str::to_owned)
}

fn note<'v>(object: &'v Value, path: &str, key: &str) -> Option<&'v str> {
    object.pointer(path)?.get(key)?.as_str().filter(|value| !value.is_empty())
}

/// The owner that controls an object, as kind and name.
pub fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
        .or_else(|| owners.first())?;
    Some((text(owner, "/apiVersion"), text(owner, "/kind"), text(owner, "/name")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn managers_are_known_by_what_they_leave() {
        let object =
            |labels: Value, annotations: Value| json!({"metadata": {"labels": labels, "annotations": annotations}});
        for (labels, annotations, expected) in [
            (
                json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}),
                json!({}),
                Some("Flux kustomization apps in flux-system"),
            ),
            (json!({"helm.toolkit.fluxcd.io/name": "db"}), json!({}), Some("Flux helmrelease db in ?")),
            (
                json!({}),
                json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x/web"}),
                Some("Argo CD application shop"),
            ),
            (
                json!({"app.kubernetes.io/managed-by": "Helm"}),
                json!({"meta.helm.sh/release-name": "db", "meta.helm.sh/release-namespace": "x"}),
                Some("Helm release db in x"),
            ),
            (json!({"app.kubernetes.io/managed-by": "operator"}), json!({}), Some("operator")),
            (json!({"app": "web"}), json!(null), None),
        ] {
            assert_eq!(of(&object(labels.clone(), annotations)).as_deref(), expected, "{labels}");
        }
        assert_eq!(of(&json!({})), None);
    }

    #[test]
    fn the_controller_is_the_owner_that_matters() {
        let object = json!({"metadata": {"ownerReferences": [{"kind": "A", "name": "a"}, {"apiVersion": "apps/v1", "kind": "B", "name": "b", "controller": true}]}});
        assert_eq!(controller(&object), Some(("apps/v1", "B", "b")));
        assert_eq!(controller(&json!({"metadata": {"ownerReferences": []}})), None);
    }
}
