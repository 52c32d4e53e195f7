//! Branches, tags and commits, by every name they may be called.

use serde_json::{Value, json};

use super::objects;
use super::repository::{Branch, Repository};
use super::wire::{Answer, Asked, Pages};

impl Repository {
    /// The id of the commit that `name` means, in the order GitHub tries.
    pub(super) fn resolve(&self, name: &str) -> Option<String> {
        let plain = name.strip_prefix("refs/").unwrap_or(name);
        if let Some(branch) = plain.strip_prefix("heads/") {
            return self.branches.get(branch).map(|branch| branch.sha.clone());
        }
        if let Some(tag) = plain.strip_prefix("tags/") {
            return self.tags.get(tag).cloned();
        }
        if let Some(number) = plain.strip_prefix("pull/").and_then(|rest| rest.strip_suffix("/head")) {
            let pull = self.pulls.get(&number.parse().ok()?)?;
            return pull.json["head"]["sha"].as_str().map(str::to_owned);
        }
        if let Some(branch) = self.branches.get(name) {
            return Some(branch.sha.clone());
        }
        if let Some(tag) = self.tags.get(name) {
            return Some(tag.clone());
        }
        let hex = (4..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let name = name.to_lowercase();
        let mut found = self.commits.keys().filter(|sha| hex && sha.starts_with(&name));
        match (found.next(), found.next()) {
            (Some(sha), None) => Some(sha.clone()),
            _ => None,
        }
    }

    /// The same, or the refusal.
    pub(super) fn commit_of(&self, name: &str) -> Result<String, Answer> {
        self.resolve(name).ok_or_else(|| Answer::error(422, &format!("No commit found for SHA: {name}")))
    }

    pub(super) fn get_commit(&self, name: &str) -> Answer {
        let sha = match self.commit_of(name) {
            Ok(sha) => sha,
            Err(refusal) => return refusal,
        };
        let Some(mut whole) = self.commits.get(&sha).cloned() else {
            return Answer::error(422, &format!("No commit found for SHA: {name}"));
        };
        let of = |pull: &&super::repository::Pull| pull.json["head"]["sha"] == json!(sha);
        let files = self.pulls.values().find(of).map(|pull| pull.files.iter().take(300).cloned().collect::<Vec<_>>());
        let files = files.unwrap_or_default();
        let sum = |field: &str| files.iter().filter_map(|file| file[field].as_u64()).sum::<u64>();
        let (more, fewer) = (sum("additions"), sum("deletions"));
        whole["stats"] = json!({"total": more + fewer, "additions": more, "deletions": fewer});
        whole["files"] = json!(files);
        Answer::json(200, whole)
    }

    /// Whether a branch is protected by either kind of rule.
    fn protected(&self, name: &str, branch: &Branch) -> bool {
        branch.required.is_some() || self.rules.get(name).is_some_and(|rules| !rules.is_empty())
    }

    fn protection(branch: &Branch) -> Value {
        let Some(required) = &branch.required else {
            let nothing = json!({"enforcement_level": "off", "contexts": [], "checks": []});
            return json!({"enabled": false, "required_status_checks": nothing});
        };
        let checks: Vec<Value> = required.iter().map(|name| json!({"context": name, "app_id": null})).collect();
        json!({"enabled": true, "required_status_checks":
            {"enforcement_level": "non_admins", "contexts": required, "checks": checks}})
    }

    fn branch_url(&self, name: &str) -> String {
        format!("{}/branches/{}", self.json["url"].as_str().unwrap_or_default(), name.replace('/', "%2F"))
    }

    pub(super) fn list_branches(&self, asked: &Asked) -> Answer {
        let wanted = asked.parameter("protected").map(|text| text == "true" || text == "1");
        let kept = |(name, branch): &(&String, &Branch)| wanted.is_none_or(|it| self.protected(name, branch) == it);
        let found: Vec<(&String, &Branch)> = self.branches.iter().filter(kept).collect();
        Pages::new(asked, self.place("branches")).answer(&found, |(name, branch)| {
            let commit = format!("{}/commits/{}", self.json["url"].as_str().unwrap_or_default(), branch.sha);
            json!({
                "name": name, "commit": {"sha": branch.sha, "url": commit}, "protected": self.protected(name, branch),
                "protection": Self::protection(branch),
                "protection_url": format!("{}/protection", self.branch_url(name)),
            })
        })
    }

    pub(super) fn get_branch(&self, name: &str) -> Answer {
        let Some(branch) = self.branches.get(name) else { return Answer::error(404, "Branch not found") };
        let html = format!("{}/tree/{name}", self.json["html_url"].as_str().unwrap_or_default());
        Answer::json(
            200,
            json!({
                "name": name, "commit": self.commits.get(&branch.sha), "protected": self.protected(name, branch),
                "_links": {"self": self.branch_url(name), "html": html}, "protection": Self::protection(branch),
                "protection_url": format!("{}/protection", self.branch_url(name)),
            }),
        )
    }

    pub(super) fn branch_rules(&self, asked: &Asked, name: &str) -> Answer {
        let rules = self.rules.get(name).map_or(&[][..], Vec::as_slice);
        let place = self.place(&format!("rules/branches/{}", name.replace('/', "%2F")));
        Pages::new(asked, place).answer(rules, Value::clone)
    }

    /// A branch as GraphQL's `Ref` has it.
    pub(super) fn as_ref(&self, name: &str) -> Value {
        let Some(branch) = self.branches.get(name) else { return Value::Null };
        let update = self.protected(name, branch).then(|| {
            json!({"__typename": "RefUpdateRule", "pattern": name, "requiredStatusCheckContexts": branch.required,
                "requiredApprovingReviewCount": null})
        });
        let rules = self.rules.get(name).into_iter().flatten();
        let rules: Vec<Value> = rules.map(as_rule).collect();
        json!({"__typename": "Ref", "id": objects::node("REF", self.id()), "name": name, "prefix": "refs/heads/",
            "refUpdateRule": update, "rules": rules, "target": {"__typename": "Commit", "oid": branch.sha}})
    }
}

/// A rule as GraphQL has it: the same in other letters.
fn as_rule(rule: &Value) -> Value {
    let kind = rule["type"].as_str().unwrap_or_default();
    let checks = rule.pointer("/parameters/required_status_checks").and_then(Value::as_array);
    let parameters = checks.map(|checks| {
        let checks = checks.iter().map(|check| {
            json!({"__typename": "StatusCheckConfiguration", "context": check["context"],
                "integrationId": check.get("integration_id")})
        });
        json!({"__typename": "RequiredStatusChecksParameters", "requiredStatusChecks": checks.collect::<Vec<_>>(),
            "strictRequiredStatusChecksPolicy": rule["parameters"]["strict_required_status_checks_policy"]})
    });
    json!({"__typename": "RepositoryRule", "type": kind.to_uppercase(), "parameters": parameters})
}
