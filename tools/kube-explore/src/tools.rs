//! The tools, a file and a line each: `kube_find` is `tools/find.rs`. Clients see them in this order.

shared::tools! {
    crate::Explore:
    read find::Find,
    read health::Health,
    read inspect::Inspect,
    read topology::Topology,
    read diff::Diff,
    read logs::Logs,
    write exec::Exec,
    write apply::Apply,
}
