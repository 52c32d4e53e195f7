//! A repository of the double, and how a test fills it: each method takes what is different from the ordinary.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::objects::{self, labels_in_full, moment, patched, sha, users_in_full};
use super::things;

/// A branch.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Where it points.
    pub sha: String,
    /// The status checks that classic protection requires; protected when there is a list, be it empty.
    pub required: Option<Vec<String>>,
}

/// What became of an issue that is not where it was.
#[derive(Clone, Debug)]
pub enum Gone {
    /// 410.
    Deleted,
    /// 301 to the issue with that number of the repository with that id.
    Transferred(u64, u64),
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// As `GET /pulls/N` says it.
    pub json: Value,
    /// How many more times `mergeable` is null before it is what it is.
    pub undecided: u32,
    /// The diff; without one it is made of the files.
    pub diff: Option<String>,
    /// The diff is refused as too large.
    pub too_large: bool,
    /// The files; no more than 3,000 are ever listed.
    pub files: Vec<Value>,
    /// The reviews.
    pub reviews: Vec<Value>,
    /// The review threads, as GraphQL has them: `comments` is a list.
    pub threads: Vec<Value>,
}

/// A repository. Its fields are as they are answered, apart from what is counted or joined when it is asked for.
pub struct Repository {
    /// As it stands in other objects.
    pub json: Value,
    /// Branches by name.
    pub branches: BTreeMap<String, Branch>,
    /// Tags by name: where they point.
    pub tags: BTreeMap<String, String>,
    /// Commits by id.
    pub commits: BTreeMap<String, Value>,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Issues by number; pull requests are issues too and not in here.
    pub issues: BTreeMap<u64, Value>,
    /// Issues that were there.
    pub gone: BTreeMap<u64, Gone>,
    /// Comments by number of the issue or pull request.
    pub comments: BTreeMap<u64, Vec<Value>>,
    /// What happened to an issue or pull request.
    pub timelines: BTreeMap<u64, Vec<Value>>,
    /// Commit statuses by commit, oldest first.
    pub statuses: BTreeMap<String, Vec<Value>>,
    /// Check runs, oldest first.
    pub check_runs: Vec<Value>,
    /// Annotations by check run.
    pub annotations: BTreeMap<u64, Vec<Value>>,
    /// Workflow runs, oldest first.
    pub runs: Vec<Value>,
    /// Job logs by job.
    pub logs: BTreeMap<u64, Vec<u8>>,
    /// Rules of rulesets by branch.
    pub rules: BTreeMap<String, Vec<Value>>,
    /// Who may review.
    pub collaborators: Vec<String>,
    /// Which teams may review.
    pub teams: Vec<String>,
    /// Whether there can be drafts, which private repositories of free plans have not.
    pub drafts: bool,
    pub(super) base: String,
    last: u64,
}

impl Repository {
    pub(super) fn new(base: &str, full_name: &str, id: u64) -> Self {
        let mut repository = Self {
            json: objects::repository(base, full_name, id),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            commits: BTreeMap::new(),
            pulls: BTreeMap::new(),
            issues: BTreeMap::new(),
            gone: BTreeMap::new(),
            comments: BTreeMap::new(),
            timelines: BTreeMap::new(),
            statuses: BTreeMap::new(),
            check_runs: Vec::new(),
            annotations: BTreeMap::new(),
            runs: Vec::new(),
            logs: BTreeMap::new(),
            rules: BTreeMap::new(),
            collaborators: vec!["octocat".to_owned(), "reviewer".to_owned()],
            teams: vec!["core".to_owned()],
            drafts: true,
            base: base.to_owned(),
            last: 0,
        };
        repository.branch("main");
        repository
    }

    pub(super) fn renamed(&mut self, to: &str) {
        let fresh = objects::repository(&self.base, to, self.id());
        let keep = ["private", "visibility", "archived", "description", "default_branch", "permissions", "fork"];
        let kept = keep.iter().map(|field| ((*field).to_owned(), self.json[*field].clone())).collect();
        self.json = patched(fresh, Value::Object(kept));
    }

    /// Its number, for good.
    pub fn id(&self) -> u64 {
        self.json["id"].as_u64().expect("a number")
    }

    /// `OWNER/NAME` as it is written now.
    pub fn full_name(&self) -> &str {
        self.json["full_name"].as_str().expect("a name")
    }

    pub(super) fn owner(&self) -> &str {
        self.json["owner"]["login"].as_str().expect("an owner")
    }

    pub(super) fn private(&self) -> bool {
        self.json["private"] == json!(true)
    }

    /// A number nothing else has.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.id() * 1_000_000 + self.last
    }

    /// The number of the next issue or pull request.
    fn number(&self) -> u64 {
        let last = |numbers: Option<&u64>| numbers.copied().unwrap_or_default();
        let known = [self.pulls.keys().last(), self.issues.keys().last(), self.gone.keys().last()];
        known.into_iter().map(last).max().unwrap_or_default() + 1
    }

    /// Makes the repository private.
    pub fn private_now(&mut self) -> &mut Self {
        objects::merge(&mut self.json, json!({"private": true, "visibility": "private"}));
        self
    }

    /// A commit with this message; its id.
    pub fn commit(&mut self, message: &str) -> String {
        let sha = sha(&format!("{} {message}", self.id()));
        let parent = self.branches.get("main").map(|branch| branch.sha.as_str());
        let commit = objects::commit(&self.json, &self.base, &sha, parent, message);
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// A branch with a commit of its own, when it is not there yet; the id of its commit.
    pub fn branch(&mut self, name: &str) -> String {
        if let Some(branch) = self.branches.get(name) {
            return branch.sha.clone();
        }
        let sha = self.commit(&format!("work on {name}"));
        self.branches.insert(name.to_owned(), Branch { sha: sha.clone(), required: None });
        sha
    }

    /// Protects a branch the classic way, which requires these status checks.
    pub fn protect(&mut self, name: &str, required: &[&str]) {
        self.branch(name);
        let required = required.iter().map(|name| (*name).to_owned()).collect();
        self.branches.get_mut(name).expect("a branch").required = Some(required);
    }

    /// A rule of a ruleset on a branch: `{"type": …, "parameters": …}`.
    pub fn rule(&mut self, branch: &str, patch: Value) {
        let whole = json!({"type": "deletion", "ruleset_source_type": "Repository", "ruleset_id": 42,
            "ruleset_source": self.full_name()});
        self.rules.entry(branch.to_owned()).or_default().push(patched(whole, patch));
    }

    /// A pull request from `head.ref` (`feature`) onto `base.ref` (`main`); branches are made when they are not there. Its number.
    pub fn pull(&mut self, patch: Value) -> u64 {
        let number = patch["number"].as_u64().unwrap_or_else(|| self.number());
        let name = |side: &str, other: &str| patch[side]["ref"].as_str().unwrap_or(other).to_owned();
        let (head, base) = (name("head", "feature"), name("base", "main"));
        // A commit that is given may be a fork's: there is no such branch here.
        let given = patch["head"]["sha"].as_str().map(str::to_owned);
        let (head_sha, base_sha) = (given.unwrap_or_else(|| self.branch(&head)), self.branch(&base));
        let commit = objects::commit(&self.json, &self.base, &head_sha, Some(&base_sha), "work of somebody");
        self.commits.entry(head_sha.clone()).or_insert(commit);
        let id = self.next();
        self.next(); // the issue it is as well
        let (head, base) = ([head.as_str(), &head_sha], [base.as_str(), &base_sha]);
        let mut json = patched(things::pull(&self.json, &self.base, id, number, head, base), patch);
        labels_in_full(&self.json, &mut json);
        users_in_full(&self.base, &mut json, &["user", "assignee", "assignees", "requested_reviewers", "merged_by"]);
        for team in json["requested_teams"].as_array_mut().into_iter().flatten() {
            if let Some(slug) = team.as_str().map(str::to_owned) {
                *team = objects::team(&self.base, self.owner(), &slug);
            }
        }
        let pull = Pull {
            json,
            undecided: 0,
            diff: None,
            too_large: false,
            files: Vec::new(),
            reviews: Vec::new(),
            threads: Vec::new(),
        };
        self.pulls.insert(number, pull);
        number
    }

    /// The pull request with this number, to be changed.
    pub fn pull_mut(&mut self, number: u64) -> &mut Pull {
        self.pulls.get_mut(&number).unwrap_or_else(|| panic!("no pull request {number}"))
    }

    /// A file of a pull request.
    pub fn file(&mut self, number: u64, patch: Value) {
        let name = patch["filename"].as_str().unwrap_or("src/main.rs").to_owned();
        let mut whole = patched(things::file(&self.json, &self.pulls[&number].json, &name), patch);
        whole["changes"] = json!(whole["additions"].as_u64().unwrap_or(0) + whole["deletions"].as_u64().unwrap_or(0));
        // A file without a patch has no such field.
        if whole["patch"].is_null() {
            whole.as_object_mut().into_iter().for_each(|file| drop(file.remove("patch")));
        }
        self.pull_mut(number).files.push(whole);
    }

    /// A review of a pull request.
    pub fn review(&mut self, number: u64, patch: Value) -> u64 {
        let id = self.next();
        let mut whole = patched(things::review(&self.base, &self.pulls[&number].json, id, self.last), patch);
        users_in_full(&self.base, &mut whole, &["user"]);
        self.pull_mut(number).reviews.push(whole);
        id
    }

    /// A review thread as GraphQL has it; its `comments` are a list of `{author, body, createdAt}`.
    pub fn thread(&mut self, number: u64, patch: Value) {
        let id = self.next();
        let whole = json!({"__typename": "PullRequestReviewThread", "id": objects::node("PRRT", id),
            "isResolved": false, "isOutdated": false, "path": "src/main.rs", "line": 3, "originalLine": 3, "startLine": null,
            "comments": [{"author": {"__typename": "User", "login": "reviewer"}, "body": "Why?",
                "createdAt": moment(self.last)}]});
        self.pull_mut(number).threads.push(patched(whole, patch));
    }

    /// An issue; its number.
    pub fn issue(&mut self, patch: Value) -> u64 {
        let number = patch["number"].as_u64().unwrap_or_else(|| self.number());
        let id = self.next();
        let mut whole = patched(things::issue(&self.json, &self.base, id, number), patch);
        labels_in_full(&self.json, &mut whole);
        users_in_full(&self.base, &mut whole, &["user", "assignee", "assignees", "closed_by"]);
        self.issues.insert(number, whole);
        number
    }

    /// A comment on an issue or a pull request.
    pub fn comment(&mut self, number: u64, patch: Value) -> u64 {
        let id = self.next();
        let mut whole = patched(things::comment(&self.json, &self.base, id, number, self.last), patch);
        users_in_full(&self.base, &mut whole, &["user"]);
        self.comments.entry(number).or_default().push(whole);
        id
    }

    /// Something that happened to an issue or pull request.
    pub fn event(&mut self, number: u64, patch: Value) {
        let id = self.next();
        let mut whole = patched(things::event(&self.json, &self.base, id, self.last), patch);
        users_in_full(&self.base, &mut whole, &["actor", "assignee", "requested_reviewer"]);
        if whole["event"] != json!("labeled") && whole["event"] != json!("unlabeled") {
            whole.as_object_mut().into_iter().for_each(|event| drop(event.remove("label")));
        }
        self.timelines.entry(number).or_default().push(whole);
    }

    /// A commit status.
    pub fn status(&mut self, sha: &str, patch: Value) {
        let id = self.next();
        let whole = patched(things::status(&self.json, id, sha, self.last), patch);
        self.statuses.entry(sha.to_owned()).or_default().push(whole);
    }

    /// A check run on a commit; its number, which is that of its job as well.
    pub fn check_run(&mut self, sha: &str, patch: Value) -> u64 {
        let id = self.next();
        let mut whole = patched(things::check_run(&self.json, &self.base, id, sha, self.last), patch);
        if whole["status"] != json!("completed") {
            (whole["conclusion"], whole["completed_at"]) = (Value::Null, Value::Null);
        }
        self.check_runs.push(whole);
        id
    }

    /// An annotation of a check run.
    pub fn annotation(&mut self, run: u64, patch: Value) {
        self.annotations.entry(run).or_default().push(patched(things::annotation(&self.json), patch));
    }

    /// A workflow run.
    pub fn run(&mut self, patch: Value) -> u64 {
        let (id, number) = (self.next(), self.runs.len() as u64 + 1);
        let sha = patch["head_sha"].as_str().map_or_else(|| self.branch("main"), str::to_owned);
        let mut whole = patched(things::run(&self.json, &self.base, id, number, &sha), patch);
        users_in_full(&self.base, &mut whole, &["actor", "triggering_actor"]);
        if whole["status"] != json!("completed") {
            whole["conclusion"] = Value::Null;
        }
        self.runs.push(whole);
        id
    }

    /// The log of a job.
    pub fn job_log(&mut self, job: u64, text: impl Into<Vec<u8>>) {
        self.logs.insert(job, text.into());
    }
}
