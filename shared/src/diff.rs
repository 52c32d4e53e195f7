//! A change as a forge sends it: read, ranked, folded, and shown a page at a time.
//!
//! | what comes | becomes |
//! |---|---|
//! | the text of a unified diff | [`unified::read`]: a [`FileDiff`] for each file, whatever the text is |
//! | an entry of a list of changed files, with hunks and without headers | [`Listed::read`] |
//! | the files of both, in any order | [`Overview::of`]: source code first, noise folded, totals, rows of a table |
//! | the files whose text is shown | [`Body`]: any page of the patch, with a heading that says where it begins |
//!
//! Nothing here reads or waits, and nothing fails: what is not understood is kept as it came and counted.

mod body;
mod file;
mod hunk;
pub mod line;
mod listed;
mod looks;
mod overview;
pub mod path;
pub mod ranking;
mod table;
pub mod unified;

pub use body::{Body, Window};
pub use file::{FileDiff, Modes, Status};
pub use hunk::Hunk;
pub use listed::Listed;
pub use overview::{Known, Overview};
pub use table::{File, Folded, Totals};
