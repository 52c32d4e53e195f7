//! What the double knows: repositories by number, every name they ever had, and who may look.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::access::{App, Token};
use super::objects;
use super::repository::Repository;

/// Everything the double knows. A test changes it in [`Github::edit`](super::Github::edit).
pub struct State {
    /// `http://127.0.0.1:PORT` of the API.
    pub base: String,
    /// `http://127.0.0.1:PORT` of the storage.
    pub storage: String,
    pub(super) repositories: BTreeMap<u64, Repository>,
    /// In lower case, old names too.
    names: BTreeMap<String, u64>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// What nobody in particular may still ask.
    pub(super) anonymous: Token,
    pub(super) app: Option<App>,
    /// Moments since the beginning, for what is created by a request.
    pub(super) now: u64,
    /// What was asked and should not have been.
    pub(super) violations: Vec<String>,
}

/// What a name leads to.
pub(super) enum Named {
    /// A repository of this name.
    Here(u64),
    /// One that has another name by now.
    Moved(u64),
}

impl State {
    pub(super) fn new(base: String, storage: String) -> Self {
        Self {
            base,
            storage,
            repositories: BTreeMap::new(),
            names: BTreeMap::new(),
            tokens: BTreeMap::new(),
            anonymous: Token::anonymous(),
            app: None,
            now: 100_000,
            violations: Vec::new(),
        }
    }

    /// The repository `OWNER/NAME`, made when it is not there yet: public, with one commit on `main`.
    pub fn repo(&mut self, full_name: &str) -> &mut Repository {
        let known = self.names.get(&full_name.to_lowercase()).copied();
        let id = known.unwrap_or_else(|| {
            let id = 1001 + self.names.len() as u64;
            self.names.insert(full_name.to_lowercase(), id);
            self.repositories.insert(id, Repository::new(&self.base, full_name, id));
            id
        });
        self.repositories.get_mut(&id).expect("a repository")
    }

    /// Makes `full_name` a fork of `parent`, with the same branches.
    pub fn fork(&mut self, parent: &str, full_name: &str) -> &mut Repository {
        let from = self.repo(parent);
        let (whole, branches, commits) = (from.json.clone(), from.branches.clone(), from.commits.clone());
        let fork = self.repo(full_name);
        (fork.branches, fork.commits) = (branches, commits);
        objects::merge(&mut fork.json, json!({"fork": true, "parent": whole, "source": whole}));
        fork
    }

    /// Gives the repository another name; the old one leads to it.
    pub fn rename(&mut self, from: &str, to: &str) {
        let repository = self.repo(from);
        let id = repository.id();
        repository.renamed(to);
        self.names.insert(to.to_lowercase(), id);
    }

    /// What is left of a token of that name for this hour, to be changed.
    pub fn remaining(&mut self, token: &str) -> &mut u64 {
        let token = self.tokens.get_mut(token).unwrap_or_else(|| panic!("no such token"));
        &mut token.remaining
    }

    /// The same for whoever brings none.
    pub fn remaining_anonymous(&mut self) -> &mut u64 {
        &mut self.anonymous.remaining
    }

    pub(super) fn named(&self, full_name: &str) -> Option<Named> {
        let name = full_name.to_lowercase();
        let id = *self.names.get(&name)?;
        let now = self.repositories.get(&id)?.full_name().to_lowercase();
        Some(if now == name { Named::Here(id) } else { Named::Moved(id) })
    }

    /// The repository and the branch of `OWNER:BRANCH` or `BRANCH`, as whoever opens a pull request on `id` may say it.
    pub(super) fn side(&self, id: u64, label: &str) -> Option<(Value, String, String)> {
        let here = self.repositories.get(&id)?;
        let (owner, name) = label.split_once(':').map_or((here.owner(), label), |(owner, name)| (owner, name));
        let of = |repository: &&Repository| {
            let related = repository.id() == id || repository.json["parent"]["id"] == here.json["id"];
            related && repository.owner().eq_ignore_ascii_case(owner)
        };
        let repository = self.repositories.values().find(of)?;
        let sha = repository.branches.get(name)?.sha.clone();
        Some((repository.json.clone(), name.to_owned(), sha))
    }

    /// The next moment.
    pub(super) fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}
