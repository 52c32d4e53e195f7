//! Issues, their comments and what happened to them; pull requests are issues as well.

use serde_json::{Value, json};

use super::access::Access;
use super::objects::{self, users_in_full};
use super::repository::{Gone, Repository};
use super::state::State;
use super::things;
use super::wire::{Answer, Asked, Pages};

/// Parameters of the list that the double does not filter by: asking for one is a violation, because the answer would lie.
const UNKNOWN: &[&str] = &["milestone", "type", "creator", "mentioned", "issue_field_values"];

impl Repository {
    /// The issue with this number, a pull request's too, as it is now.
    fn one(&self, number: u64) -> Option<Value> {
        let own = || self.issues.get(&number).cloned();
        let of_pull = || self.pulls.get(&number).map(|pull| things::issue_of(&self.json, &self.base, &pull.json));
        let mut whole = own().or_else(of_pull)?;
        whole["comments"] = json!(self.comments.get(&number).map_or(0, Vec::len));
        Some(whole)
    }
}

impl State {
    /// The repository, when it has an issue of this number, or what is answered instead.
    fn with_issue(&self, asked: &Asked, id: u64, number: u64) -> Result<&Repository, Answer> {
        let repository = &self.repositories[&id];
        match repository.gone.get(&number) {
            Some(Gone::Deleted) => Err(Answer::error(410, "This issue was deleted")),
            Some(Gone::Transferred(to, there)) => {
                // What follows the number stays.
                let below: Vec<&str> = asked.target.split('?').next().unwrap_or_default().split('/').collect();
                let at = below.iter().position(|part| *part == "issues").unwrap_or(below.len());
                let rest: String = below.iter().skip(at + 2).map(|part| format!("/{part}")).collect();
                let location = format!("{}/repositories/{to}/issues/{there}{rest}", self.base);
                Err(Answer::moved(&asked.method, &location))
            }
            None if repository.issues.contains_key(&number) || repository.pulls.contains_key(&number) => Ok(repository),
            None => Err(Answer::not_found()),
        }
    }

    pub(super) fn list_issues(&mut self, asked: &Asked, id: u64) -> Answer {
        let ignored = UNKNOWN.iter().filter(|name| asked.parameter(name).is_some());
        let ignored: Vec<String> =
            ignored.map(|name| format!("the double does not filter issues by `{name}`")).collect();
        self.violations.extend(ignored);
        let repository = &self.repositories[&id];
        if repository.json["has_issues"] == json!(false) && repository.pulls.is_empty() {
            return Answer::error(410, "Issues has been disabled in this repository.");
        }
        let numbers = repository.issues.keys().chain(repository.pulls.keys());
        let numbers = numbers.filter(|number| !repository.gone.contains_key(number));
        let wanted = |issue: &Value| wanted(asked, issue);
        let mut found: Vec<Value> = numbers.filter_map(|number| repository.one(*number)).filter(wanted).collect();
        let sort = asked.parameter("sort").unwrap_or("created");
        let key = |issue: &Value| match sort {
            "comments" => (issue["comments"].as_u64().unwrap_or_default(), String::new()),
            "updated" => (0, issue["updated_at"].as_str().unwrap_or_default().to_owned()),
            _ => (0, issue["created_at"].as_str().unwrap_or_default().to_owned()),
        };
        found.sort_by_key(key);
        if asked.parameter("direction") != Some("asc") {
            found.reverse();
        }
        Pages::new(asked, repository.place("issues")).with_cursors().answer(&found, Value::clone)
    }

    pub(super) fn issue(&self, asked: &Asked, id: u64, number: u64) -> Answer {
        match self.with_issue(asked, id, number) {
            Ok(repository) => repository.one(number).map_or_else(Answer::not_found, |whole| Answer::json(200, whole)),
            Err(refusal) => refusal,
        }
    }

    pub(super) fn list_comments(&self, asked: &Asked, id: u64, number: u64) -> Answer {
        let repository = match self.with_issue(asked, id, number) {
            Ok(repository) => repository,
            Err(refusal) => return refusal,
        };
        let since = asked.parameter("since");
        let fresh = |comment: &&Value| since.is_none_or(|since| comment["updated_at"].as_str() >= Some(since));
        let all = repository.comments.get(&number).map_or(&[][..], Vec::as_slice);
        let found: Vec<&Value> = all.iter().filter(fresh).collect();
        let pages = Pages::new(asked, repository.place(&format!("issues/{number}/comments")));
        pages.answer(&found, |comment| (*comment).clone())
    }

    pub(super) fn create_comment(&mut self, asked: &Asked, access: &Access, id: u64, number: u64) -> Answer {
        let repository = match self.with_issue(asked, id, number) {
            Ok(repository) => repository,
            Err(refusal) => return refusal,
        };
        let issue = repository.one(number).unwrap_or_default();
        if issue["locked"] == json!(true) {
            return Answer::error(403, "Unable to create comment because issue is locked.");
        }
        let body = asked.json()["body"].as_str().unwrap_or_default().to_owned();
        let wrong = |code: &str, message: &str| {
            Answer::invalid(&json!([{"resource": "IssueComment", "code": code, "field": "body", "message": message}]))
        };
        if body.trim().is_empty() {
            return wrong("missing_field", "body is missing");
        }
        if body.chars().count() > 65_536 {
            return wrong("unprocessable", "body is too long (maximum is 65536 characters)");
        }
        let (when, author) = (objects::moment(self.tick()), self.author(access));
        let repository = self.repositories.get_mut(&id).expect("a repository");
        repository.comment(number, json!({"body": body, "user": author, "created_at": when, "updated_at": when}));
        let whole = repository.comments[&number].last().cloned().unwrap_or_default();
        let location = whole["url"].as_str().unwrap_or_default().to_owned();
        Answer::json(201, whole).with("Location", location)
    }

    /// Events and comments in the order they happened.
    pub(super) fn timeline(&self, asked: &Asked, id: u64, number: u64) -> Answer {
        let repository = match self.with_issue(asked, id, number) {
            Ok(repository) => repository,
            Err(refusal) => return refusal,
        };
        let mut entries = repository.timelines.get(&number).cloned().unwrap_or_default();
        let comments = repository.comments.get(&number).into_iter().flatten().cloned();
        entries.extend(comments.map(|mut comment| {
            (comment["event"], comment["actor"]) = (json!("commented"), comment["user"].clone());
            users_in_full(&self.base, &mut comment, &["actor"]);
            comment
        }));
        let when = |entry: &Value| {
            let field = |name: &str| entry[name].as_str().map(str::to_owned);
            field("created_at").or_else(|| field("submitted_at")).unwrap_or_default()
        };
        entries.sort_by_key(when);
        let pages = Pages::new(asked, repository.place(&format!("issues/{number}/timeline")));
        pages.answer(&entries, Value::clone)
    }
}

/// Whether the filters of a list let an issue through.
fn wanted(asked: &Asked, issue: &Value) -> bool {
    let state = asked.parameter("state").unwrap_or("open");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let names: Vec<String> =
        issue["labels"].as_array().into_iter().flatten().map(|label| text(&label["name"])).collect();
    let labels = asked.parameter("labels").unwrap_or_default().to_lowercase();
    let labelled = labels
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .all(|name| names.iter().any(|known| known == name));
    let assignees: Vec<String> =
        issue["assignees"].as_array().into_iter().flatten().map(|user| text(&user["login"])).collect();
    let assigned = match asked.parameter("assignee") {
        None => true,
        Some("*") => !assignees.is_empty(),
        Some("none") => assignees.is_empty(),
        Some(login) => assignees.contains(&login.to_lowercase()),
    };
    let since = asked.parameter("since").is_none_or(|since| issue["updated_at"].as_str() >= Some(since));
    (state == "all" || issue["state"] == json!(state)) && labelled && assigned && since
}
