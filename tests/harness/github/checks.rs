//! What machines say of a commit: check runs with annotations, commit statuses, workflow runs, logs of jobs.

use serde_json::{Value, json};

use super::objects;
use super::repository::Repository;
use super::wire::{Answer, Asked, Pages};

impl Repository {
    pub(super) fn list_check_runs(&self, asked: &Asked, name: &str) -> Answer {
        let sha = match self.commit_of(name) {
            Ok(sha) => sha,
            Err(refusal) => return refusal,
        };
        let mut found: Vec<Value> = Vec::new();
        let runs = self.check_runs.iter().filter(|run| run["head_sha"] == json!(sha)).filter(|run| {
            let is = |parameter: &str, value: &Value| {
                asked.parameter(parameter).is_none_or(|wanted| match value {
                    Value::String(text) => text == wanted,
                    other => *other == wanted.parse::<Value>().unwrap_or_default(),
                })
            };
            is("check_name", &run["name"]) && is("status", &run["status"]) && is("app_id", &run["app"]["id"])
        });
        let latest = asked.parameter("filter") != Some("all");
        for run in runs {
            let mut run = run.clone();
            let notes = run["id"].as_u64().and_then(|id| self.annotations.get(&id)).map_or(0, Vec::len);
            run["output"]["annotations_count"] = json!(notes);
            // One that ran again is there once, unless all are asked for: within a suite the last of a name counts.
            let same = |other: &Value| {
                other["name"] == run["name"] && other["check_suite"] == run["check_suite"] && other["app"] == run["app"]
            };
            match found.iter().position(same).filter(|_| latest) {
                Some(at) => found[at] = run,
                None => found.push(run),
            }
        }
        let place = self.place(&format!("commits/{}/check-runs", name.replace('/', "%2F")));
        let (shown, links) = Pages::new(asked, place).of(&found, Value::clone);
        Pages::linked(Answer::json(200, json!({"total_count": found.len(), "check_runs": shown})), links)
    }

    pub(super) fn list_annotations(&self, asked: &Asked, run: u64) -> Answer {
        if !self.check_runs.iter().any(|known| known["id"] == json!(run)) {
            return Answer::not_found();
        }
        let notes = self.annotations.get(&run).map_or(&[][..], Vec::as_slice);
        Pages::new(asked, self.place(&format!("check-runs/{run}/annotations"))).answer(notes, Value::clone)
    }

    /// The newest status of each context, and what they come to. Without any it is `pending`, as GitHub has it.
    pub(super) fn combined_status(&self, asked: &Asked, name: &str) -> Answer {
        let sha = match self.commit_of(name) {
            Ok(sha) => sha,
            Err(refusal) => return refusal,
        };
        let mut newest: Vec<&Value> = Vec::new();
        for status in self.statuses.get(&sha).into_iter().flatten().rev() {
            if !newest.iter().any(|known| known["context"] == status["context"]) {
                newest.push(status);
            }
        }
        let any = |states: &[&str]| newest.iter().any(|status| states.iter().any(|it| status["state"] == json!(it)));
        let state = match () {
            () if any(&["failure", "error"]) => "failure",
            () if newest.is_empty() || any(&["pending"]) => "pending",
            () => "success",
        };
        let place = self.place(&format!("commits/{}/status", name.replace('/', "%2F")));
        let (shown, links) = Pages::new(asked, place).of(&newest, |status| (*status).clone());
        let url = self.json["url"].as_str().unwrap_or_default();
        let body = json!({
            "state": state, "statuses": shown, "sha": sha, "total_count": newest.len(), "repository": self.json,
            "commit_url": format!("{url}/commits/{sha}"), "url": format!("{url}/commits/{sha}/status"),
        });
        Pages::linked(Answer::json(200, body), links)
    }

    /// The newest first.
    pub(super) fn list_runs(&self, asked: &Asked) -> Answer {
        let text = |run: &Value, field: &str| run[field].as_str().unwrap_or_default().to_owned();
        let wanted = |run: &&Value| {
            let is = |parameter: &str, field: &str| {
                asked.parameter(parameter).is_none_or(|wanted| text(run, field) == wanted)
            };
            // `status` takes a conclusion as well.
            let status = asked.parameter("status");
            let status = status.is_none_or(|it| text(run, "status") == it || text(run, "conclusion") == it);
            let actor = asked.parameter("actor").is_none_or(|actor| run["actor"]["login"] == json!(actor));
            is("branch", "head_branch") && is("event", "event") && is("head_sha", "head_sha") && status && actor
        };
        let mut found: Vec<&Value> = self.runs.iter().filter(wanted).collect();
        found.sort_by_key(|run| std::cmp::Reverse(text(run, "created_at")));
        let (shown, links) = Pages::new(asked, self.place("actions/runs")).of(&found, |run| (*run).clone());
        Pages::linked(Answer::json(200, json!({"total_count": found.len(), "workflow_runs": shown})), links)
    }

    /// Where the log of a job is: on another host, for whoever has this address.
    pub(super) fn job_logs(&self, job: u64, storage: &str) -> Answer {
        if !self.logs.contains_key(&job) {
            return Answer::not_found();
        }
        let signature = signature(self.id(), job);
        let location = format!(
            "{storage}/logs/{}/{job}.txt?se=2026-01-01T00%3A10%3A00Z&sig={signature}%3D&sp=r&sv=2021-12-02",
            self.id()
        );
        let mut answer = Answer::text("text/html;charset=utf-8", "").with("Location", location);
        answer.status = 302;
        answer
    }
}

/// What only the address that was given out has.
pub(super) fn signature(repository: u64, job: u64) -> String {
    objects::sha(&format!("signature of {repository} {job}"))
}
