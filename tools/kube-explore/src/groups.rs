//! Which API groups are those of Kubernetes itself.

/// Those that have a dot in their names. By the ending they are not known: `gateway.networking.k8s.io` is one of custom resources.
const DOTTED: [&str; 18] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Whether a group is one of Kubernetes itself. A definition of custom resources is refused whose group has no dot.
pub fn is_own(group: &str) -> bool {
    !group.contains('.') || DOTTED.contains(&group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_makes_no_group_one_of_kubernetes() {
        for (group, own) in [
            ("", true),
            ("apps", true),
            ("networking.k8s.io", true),
            ("gateway.networking.k8s.io", false),
            ("metrics.k8s.io", false),
            ("example.com", false),
        ] {
            assert_eq!(is_own(group), own, "{group}");
        }
    }
}
