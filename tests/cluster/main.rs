//! The cluster that tests stand on, looked at before any tool is judged on it.

mod lifecycle;
mod node;
