//! The tools, a file and a line each: `kubectl_get` is `tools/get.rs`. Clients see them in this order.

shared::tools! {
    crate::Kubectl:
    read get::Get,
    read describe::Describe,
    read logs::Logs,
    read top::Top,
    read events::Events,
    read api_resources::ApiResources,
    read explain::Explain,
    write exec::Exec,
    write apply::Apply,
    write delete::Delete,
    write run::Run,
    write cp::Cp,
    write rollout::Rollout,
    write scale::Scale,
    write label::Label,
    write annotate::Annotate,
}
