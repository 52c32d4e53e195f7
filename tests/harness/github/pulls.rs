//! Pull requests: found, read, opened.

use serde_json::{Value, json};

use super::access::Access;
use super::objects;
use super::repository::{Pull, Repository};
use super::state::State;
use super::things::ONLY_IN_FULL;
use super::wire::{Answer, Asked, Content, Pages};

/// The most files of a pull request that are ever listed.
const FILES: usize = 3000;

impl Repository {
    /// The repository itself; who may do what is said to whoever is known.
    pub(super) fn in_full(&self, known: bool) -> Value {
        let mut whole = objects::repository_in_full(&self.json);
        let pulls = self.pulls.values().filter(|pull| pull.json["state"] == json!("open")).count();
        let issues = self.issues.values().filter(|issue| issue["state"] == json!("open")).count();
        // GitHub counts pull requests as issues here.
        (whole["open_issues_count"], whole["open_issues"]) = (json!(pulls + issues), json!(pulls + issues));
        if !known {
            for field in ["permissions", "temp_clone_token"] {
                whole.as_object_mut().into_iter().for_each(|whole| drop(whole.remove(field)));
            }
        }
        whole
    }

    /// The address of a list of this repository as links have it.
    pub(super) fn place(&self, path: &str) -> String {
        format!("{}/repositories/{}/{path}", self.base, self.id())
    }

    /// A pull request with the repository as it is now and its comments counted.
    fn rendered(&self, pull: &Pull) -> Value {
        let mut whole = pull.json.clone();
        for side in ["head", "base"] {
            if whole[side]["repo"]["id"] == self.json["id"] {
                whole[side]["repo"] = self.json.clone();
            }
        }
        let number = whole["number"].as_u64().unwrap_or_default();
        whole["comments"] = json!(self.comments.get(&number).map_or(0, Vec::len));
        whole
    }

    /// The same as a list has it.
    fn rendered_short(&self, pull: &Pull) -> Value {
        let mut whole = self.rendered(pull);
        for field in ONLY_IN_FULL {
            whole.as_object_mut().into_iter().for_each(|whole| drop(whole.remove(*field)));
        }
        whole
    }

    pub(super) fn list_pulls(&self, asked: &Asked) -> Answer {
        let state = asked.parameter("state").unwrap_or("open");
        // Without an owner before the colon, GitHub takes no notice of it.
        let head = asked.parameter("head").filter(|head| head.contains(':'));
        let base = asked.parameter("base");
        let wanted = |pull: &&Pull| {
            let at = |pointer: &str| pull.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            (state == "all" || at("/state") == state)
                && head.is_none_or(|head| at("/head/label").eq_ignore_ascii_case(head))
                && base.is_none_or(|base| at("/base/ref") == base)
        };
        let mut found: Vec<&Pull> = self.pulls.values().filter(wanted).collect();
        let sort = asked.parameter("sort").unwrap_or("created");
        let key = |pull: &&Pull| -> (u64, String) {
            let number = pull.json["number"].as_u64().unwrap_or_default();
            let text = |field: &str| pull.json[field].as_str().unwrap_or_default().to_owned();
            match sort {
                "updated" => (0, text("updated_at")),
                "popularity" => (self.comments.get(&number).map_or(0, Vec::len) as u64, String::new()),
                _ => (0, text("created_at")),
            }
        };
        found.sort_by_key(key);
        let descends = asked.parameter("direction").map_or(sort == "created", |direction| direction == "desc");
        if descends {
            found.reverse();
        }
        Pages::new(asked, self.place("pulls")).answer(&found, |pull| self.rendered_short(pull))
    }

    pub(super) fn list_files(&self, asked: &Asked, number: u64) -> Answer {
        let Some(pull) = self.pulls.get(&number) else { return Answer::not_found() };
        let files = &pull.files[..pull.files.len().min(FILES)];
        Pages::new(asked, self.place(&format!("pulls/{number}/files"))).answer(files, Value::clone)
    }

    pub(super) fn list_reviews(&self, asked: &Asked, number: u64) -> Answer {
        let Some(pull) = self.pulls.get(&number) else { return Answer::not_found() };
        Pages::new(asked, self.place(&format!("pulls/{number}/reviews"))).answer(&pull.reviews, Value::clone)
    }
}

impl State {
    pub(super) fn pull(&mut self, asked: &Asked, id: u64, number: u64) -> Answer {
        let repository = self.repositories.get_mut(&id).expect("a repository");
        let Some(pull) = repository.pulls.get_mut(&number) else { return Answer::not_found() };
        let accept = asked.header("accept").unwrap_or_default();
        if accept.contains(".diff") {
            return diff(pull);
        }
        let undecided = pull.undecided > 0;
        pull.undecided = pull.undecided.saturating_sub(1);
        let mut whole = repository.rendered(&repository.pulls[&number]);
        if undecided {
            (whole["mergeable"], whole["rebaseable"]) = (Value::Null, Value::Null);
            whole["mergeable_state"] = json!("unknown");
        }
        Answer::json(200, whole)
    }

    /// `POST /pulls`.
    pub(super) fn create_pull(&mut self, asked: &Asked, access: &Access, id: u64) -> Answer {
        let body = asked.json();
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let wrong = |value: Value| Answer::invalid(&json!([value]));
        if text("title").is_empty() {
            return wrong(json!({"resource": "PullRequest", "code": "missing_field", "field": "title"}));
        }
        let invalid = |field: &str| wrong(json!({"resource": "PullRequest", "field": field, "code": "invalid"}));
        let Some((head_repo, head, head_sha)) = self.side(id, text("head")) else { return invalid("head") };
        let base = text("base");
        let repository = self.repositories.get_mut(&id).expect("a repository");
        let Some(onto) = repository.branches.get(base).cloned() else { return invalid("base") };
        let label = format!("{}:{head}", head_repo["owner"]["login"].as_str().unwrap_or_default());
        let custom = |message: String| wrong(json!({"resource": "PullRequest", "code": "custom", "message": message}));
        let same = |pull: &Pull| {
            pull.json["state"] == json!("open")
                && pull.json["head"]["label"] == json!(label)
                && pull.json["base"]["ref"] == json!(base)
        };
        if repository.pulls.values().any(same) {
            return custom(format!("A pull request already exists for {label}."));
        }
        if onto.sha == head_sha {
            let between = if head_repo["id"] == repository.json["id"] { head.as_str() } else { &label };
            return custom(format!("No commits between {base} and {between}"));
        }
        let draft = body["draft"] == json!(true);
        if draft && !repository.drafts {
            return Answer::error(422, "Draft pull requests are not supported in this repository.");
        }
        let when = objects::moment(self.tick());
        let author = self.author(access);
        let repository = self.repositories.get_mut(&id).expect("a repository");
        let number = repository.pull(json!({
            "title": text("title"), "body": body["body"], "draft": draft, "user": author,
            "head": {"ref": head, "sha": head_sha, "label": label, "user": head_repo["owner"]},
            "base": {"ref": base, "sha": onto.sha}, "created_at": when, "updated_at": when, "mergeable": null,
            "rebaseable": null, "mergeable_state": "unknown", "merge_commit_sha": null,
            "maintainer_can_modify": body["maintainer_can_modify"] == json!(true),
        }));
        repository.pull_mut(number).json["head"]["repo"] = head_repo;
        let whole = repository.rendered(&repository.pulls[&number]);
        let location = whole["url"].as_str().unwrap_or_default().to_owned();
        Answer::json(201, whole).with("Location", location)
    }

    /// `POST /pulls/N/requested_reviewers`.
    pub(super) fn request_reviewers(&mut self, asked: &Asked, id: u64, number: u64) -> Answer {
        let body = asked.json();
        let list = |field: &str| -> Vec<String> {
            let names = body[field].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        let (people, teams, base) = (list("reviewers"), list("team_reviewers"), self.base.clone());
        let repository = self.repositories.get_mut(&id).expect("a repository");
        let (owner, full_name) = (repository.owner().to_owned(), repository.full_name().to_owned());
        let Some(pull) = repository.pulls.get(&number) else { return Answer::not_found() };
        let known = |name: &String, of: &[String]| of.iter().any(|known| known.eq_ignore_ascii_case(name));
        if !people.iter().all(|name| known(name, &repository.collaborators))
            || !teams.iter().all(|name| known(name, &repository.teams))
        {
            let message = format!(
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not \
                 a collaborator of the {full_name} repository."
            );
            return Answer::error(422, &message);
        }
        let author = pull.json["user"]["login"].as_str().unwrap_or_default();
        if people.iter().any(|name| name.eq_ignore_ascii_case(author)) {
            return Answer::error(422, "Review cannot be requested from pull request author.");
        }
        let pull = repository.pull_mut(number);
        let mut add = |field: &str, whole: Value| {
            let list = pull.json[field].as_array_mut().into_iter();
            list.filter(|list| !list.contains(&whole)).for_each(|list| list.push(whole.clone()));
        };
        people.iter().for_each(|name| add("requested_reviewers", objects::user(&base, name)));
        teams.iter().for_each(|slug| add("requested_teams", objects::team(&base, &owner, slug)));
        Answer::json(201, repository.rendered_short(&repository.pulls[&number]))
    }
}

/// The diff of a pull request as text.
fn diff(pull: &Pull) -> Answer {
    if pull.too_large {
        let message = "Sorry, the diff exceeded the maximum number of files (300). Consider using 'List pull requests \
                       files' API or locally cloning the repository instead.";
        let mut refusal = Answer::error(406, message);
        if let Content::Json(body) = &mut refusal.content {
            body["errors"] = json!([{"resource": "PullRequest", "field": "diff", "code": "too_large"}]);
        }
        return refusal;
    }
    let text = pull.diff.clone().unwrap_or_else(|| pull.files.iter().map(diff_of).collect());
    Answer::text("application/vnd.github.diff; charset=utf-8", text)
}

/// A file of a pull request as `git diff` shows it.
fn diff_of(file: &Value) -> String {
    let text = |field: &str| file[field].as_str();
    let name = text("filename").unwrap_or_default();
    let before = text("previous_filename").unwrap_or(name);
    let mut out = format!("diff --git a/{before} b/{name}\n");
    let (from, to) = match text("status") {
        Some("added") => ("/dev/null".to_owned(), format!("b/{name}")),
        Some("removed") => (format!("a/{before}"), "/dev/null".to_owned()),
        _ => (format!("a/{before}"), format!("b/{name}")),
    };
    match text("status") {
        Some("added") => out.push_str("new file mode 100644\n"),
        Some("removed") => out.push_str("deleted file mode 100644\n"),
        Some("renamed") => out.push_str(&format!("similarity index 90%\nrename from {before}\nrename to {name}\n")),
        _ => {}
    }
    out.push_str("index 1111111..2222222 100644\n");
    match text("patch") {
        Some(patch) => out.push_str(&format!("--- {from}\n+++ {to}\n{patch}\n")),
        None => out.push_str(&format!("Binary files {from} and {to} differ\n")),
    }
    out
}
