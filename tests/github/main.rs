//! A double of GitHub, judged by GitHub's own description of itself; and what is tested against it.

mod double;
mod specification;
