//! What every server that speaks of a Kubernetes cluster has to do alike: hide the values of Secrets, and print ages as people know them.

pub mod age;
pub mod mask;
