//! What every server that speaks of a Kubernetes cluster has to do alike: hide the values of Secrets, print ages as people know them, and tell
//! what came of a command in a container.

pub mod age;
pub mod mask;
mod printed;

pub use printed::Printed;
