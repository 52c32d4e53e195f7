//! Objects by their names alone, as `kubectl get --output=name` prints them.

use std::collections::HashMap;

use shared::{Digest, Page, Records, Result, Untrusted, output::Budget};

use crate::follow::Follow;

/// The most bytes of names that are kept: as much as the largest answer shows.
const NAMES_MAX: usize = Budget::BYTES_MAX;

/// Names that pass by. kubectl leaves namespaces out of them, so that one name can come several times: it is known by how often it came before.
pub struct Names {
    follow: Follow,
    names: Vec<Untrusted>,
    members: Vec<Digest>,
    times: HashMap<Digest, u32>,
    kept: usize,
}

impl Names {
    /// Keeps names from `page` on.
    pub fn new(page: Page) -> Self {
        Self { follow: Follow::new(page), names: Vec::new(), members: Vec::new(), times: HashMap::new(), kept: 0 }
    }

    /// Takes a name.
    pub fn line(&mut self, name: &[u8]) {
        let times = self.times.entry(Digest::of(name)).or_default();
        *times += 1;
        let member = Digest::of(&[name, &times.to_be_bytes()].concat());
        if self.follow.passes(|| member) && self.kept <= NAMES_MAX {
            self.kept += name.len() + 1;
            self.names.push(Untrusted::line_bytes(name));
            self.members.push(member);
        }
    }

    /// Names that were seen.
    pub fn seen(&self) -> u64 {
        self.follow.seen()
    }

    /// The page of them.
    pub fn finish(self) -> Result<Records<Untrusted>> {
        let page = self.follow.page()?;
        Ok(Records::following("names", self.names, self.members, self.follow.seen(), page))
    }
}
