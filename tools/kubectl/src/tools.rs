//! The tools, a file and a line each: `kubectl_get` is `tools/get.rs`. Clients see them in this order.

shared::tools! {
    crate::Kubectl:
    read get::Get,
    read api_resources::ApiResources,
}
