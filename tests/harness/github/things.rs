//! What happens in a repository, in full: pull requests, issues, comments, reviews, checks, runs.

use serde_json::{Value, json};

use super::objects::{moment, node, number, user};

/// The two addresses of a repository that others are made from: of the API and of the site.
pub(super) fn places(repository: &Value) -> (&str, &str) {
    let text = |field: &str| repository[field].as_str().unwrap_or_default();
    (text("url"), text("html_url"))
}

/// A pull request as `GET /pulls/N` says it.
pub(super) fn pull(repository: &Value, base: &str, id: u64, number: u64, head: [&str; 2], onto: [&str; 2]) -> Value {
    let (url, html) = places(repository);
    let (place, issue) = (format!("{url}/pulls/{number}"), format!("{url}/issues/{number}"));
    let page = format!("{html}/pull/{number}");
    let comments = format!("{issue}/comments");
    let (reviews, statuses) = (format!("{place}/comments"), format!("{url}/statuses/{}", head[1]));
    let owner = &repository["owner"];
    let side = |[name, sha]: [&str; 2]| {
        let label = format!("{}:{name}", owner["login"].as_str().unwrap_or_default());
        json!({"label": label, "ref": name, "sha": sha, "user": owner, "repo": repository})
    };
    let review = format!("{url}/pulls/comments{{/number}}");
    let commits = format!("{place}/commits");
    json!({
        "url": place, "id": id, "node_id": node("PR", id), "html_url": page, "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"), "issue_url": issue, "commits_url": commits,
        "review_comments_url": reviews, "review_comment_url": review, "comments_url": comments,
        "statuses_url": statuses, "number": number, "state": "open", "locked": false, "title": "A change",
        "user": user(base, "octocat"), "body": "What it does.", "labels": [], "milestone": null,
        "active_lock_reason": null, "created_at": moment(number * 10), "updated_at": moment(number * 10 + 1),
        "closed_at": null, "merged_at": null, "merge_commit_sha": super::objects::sha(&format!("merge {id}")),
        "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [], "head": side(head),
        "base": side(onto), "author_association": "CONTRIBUTOR", "auto_merge": null, "draft": false,
        "_links": {
            "self": {"href": place}, "html": {"href": page}, "issue": {"href": issue}, "comments": {"href": comments},
            "review_comments": {"href": reviews}, "review_comment": {"href": review}, "commits": {"href": commits},
            "statuses": {"href": statuses},
        },
        "merged": false, "mergeable": true, "rebaseable": true, "mergeable_state": "clean", "merged_by": null,
        "comments": 0, "review_comments": 0, "maintainer_can_modify": false, "commits": 1, "additions": 10,
        "deletions": 2, "changed_files": 1,
    })
}

/// What a list of pull requests does not say of each.
pub(super) const ONLY_IN_FULL: &[&str] = &[
    "merged",
    "mergeable",
    "rebaseable",
    "mergeable_state",
    "merged_by",
    "comments",
    "review_comments",
    "maintainer_can_modify",
    "commits",
    "additions",
    "deletions",
    "changed_files",
];

/// Nobody's reaction.
fn reactions(url: &str) -> Value {
    json!({
        "url": format!("{url}/reactions"), "total_count": 0, "+1": 0, "-1": 0, "laugh": 0, "hooray": 0, "confused": 0,
        "heart": 0, "rocket": 0, "eyes": 0,
    })
}

/// An issue as `GET /issues/N` says it.
pub(super) fn issue(repository: &Value, base: &str, id: u64, number: u64) -> Value {
    let (url, html) = places(repository);
    let place = format!("{url}/issues/{number}");
    json!({
        "id": id, "node_id": node("I", id), "url": place, "repository_url": url,
        "labels_url": format!("{place}/labels{{/name}}"), "comments_url": format!("{place}/comments"),
        "events_url": format!("{place}/events"), "html_url": format!("{html}/issues/{number}"), "number": number,
        "state": "open", "state_reason": null, "title": "Something is wrong", "body": "It does not work.",
        "user": user(base, "octocat"), "labels": [], "assignee": null, "assignees": [], "milestone": null,
        "locked": false, "active_lock_reason": null, "comments": 0, "closed_at": null, "closed_by": null,
        "created_at": moment(number * 10), "updated_at": moment(number * 10 + 1), "author_association": "NONE",
        "type": null, "timeline_url": format!("{place}/timeline"), "reactions": reactions(&place),
        "performed_via_github_app": null, "pinned_comment": null,
        "sub_issues_summary": {"total": 0, "completed": 0, "percent_completed": 0},
        "issue_dependencies_summary": {"blocked_by": 0, "total_blocked_by": 0, "blocking": 0, "total_blocking": 0},
    })
}

/// A pull request as the issue it is as well.
pub(super) fn issue_of(repository: &Value, base: &str, pull: &Value) -> Value {
    let number = pull["number"].as_u64().unwrap_or_default();
    let mut whole = issue(repository, base, pull["id"].as_u64().unwrap_or_default() + 1, number);
    let shared = ["state", "title", "body", "user", "labels", "assignee", "assignees", "milestone", "locked", "draft"];
    for field in shared.into_iter().chain(["created_at", "updated_at", "closed_at", "author_association"]) {
        whole[field] = pull[field].clone();
    }
    whole["html_url"] = pull["html_url"].clone();
    whole["pull_request"] = json!({
        "url": pull["url"], "html_url": pull["html_url"], "diff_url": pull["diff_url"],
        "patch_url": pull["patch_url"], "merged_at": pull["merged_at"],
    });
    whole.as_object_mut().into_iter().for_each(|whole| drop(whole.remove("type")));
    whole
}

/// A comment on an issue or a pull request.
pub(super) fn comment(repository: &Value, base: &str, id: u64, issue: u64, when: u64) -> Value {
    let (url, html) = places(repository);
    let place = format!("{url}/issues/comments/{id}");
    json!({
        "id": id, "node_id": node("IC", id), "url": place, "body": "I see it too.", "user": user(base, "octocat"),
        "html_url": format!("{html}/issues/{issue}#issuecomment-{id}"), "created_at": moment(when),
        "updated_at": moment(when), "issue_url": format!("{url}/issues/{issue}"), "author_association": "NONE",
        "performed_via_github_app": null, "reactions": reactions(&place), "pin": null, "minimized": null,
    })
}

/// A review.
pub(super) fn review(base: &str, pull: &Value, id: u64, when: u64) -> Value {
    let page = format!("{}#pullrequestreview-{id}", pull["html_url"].as_str().unwrap_or_default());
    json!({
        "id": id, "node_id": node("PRR", id), "user": user(base, "reviewer"), "body": "Looks good.",
        "state": "APPROVED", "html_url": page, "pull_request_url": pull["url"], "submitted_at": moment(when),
        "commit_id": pull["head"]["sha"], "author_association": "MEMBER",
        "_links": {"html": {"href": page}, "pull_request": {"href": pull["url"]}},
    })
}

/// A file of a pull request.
pub(super) fn file(repository: &Value, pull: &Value, name: &str) -> Value {
    let (url, html) = places(repository);
    let sha = pull["head"]["sha"].as_str().unwrap_or_default();
    let escaped = name.replace('/', "%2F");
    json!({
        "sha": super::objects::sha(name), "filename": name, "status": "modified", "additions": 1, "deletions": 1,
        "changes": 2, "blob_url": format!("{html}/blob/{sha}/{escaped}"),
        "raw_url": format!("{html}/raw/{sha}/{escaped}"),
        "contents_url": format!("{url}/contents/{escaped}?ref={sha}"), "patch": "@@ -1 +1 @@\n-old\n+new",
    })
}

/// Something that happened to an issue: it was labelled, unless a test says otherwise.
pub(super) fn event(repository: &Value, base: &str, id: u64, when: u64) -> Value {
    json!({
        "id": id, "node_id": node("LE", id), "actor": user(base, "octocat"), "event": "labeled", "commit_id": null,
        "url": format!("{}/issues/events/{id}", places(repository).0), "commit_url": null, "created_at": moment(when),
        "performed_via_github_app": null, "label": {"name": "bug", "color": "d73a4a"},
    })
}

/// A commit status.
pub(super) fn status(repository: &Value, id: u64, sha: &str, when: u64) -> Value {
    json!({
        "id": id, "node_id": node("SC", id), "state": "success", "description": "It passed.", "context": "ci/build",
        "target_url": "https://ci.example.com/1", "avatar_url": "https://avatars.githubusercontent.com/u/1?v=4",
        "url": format!("{}/statuses/{sha}", places(repository).0), "created_at": moment(when),
        "updated_at": moment(when),
    })
}

/// A check run of GitHub's own Actions, which is a job as well; it succeeded.
pub(super) fn check_run(repository: &Value, base: &str, id: u64, sha: &str, when: u64) -> Value {
    let (url, html) = places(repository);
    let (place, page) = (format!("{url}/check-runs/{id}"), format!("{html}/actions/runs/{}/job/{id}", id / 100));
    json!({
        "id": id, "node_id": node("CR", id), "head_sha": sha, "external_id": format!("{id:08x}"), "url": place,
        "html_url": page, "details_url": page, "status": "completed", "conclusion": "success", "name": "build",
        "started_at": moment(when), "completed_at": moment(when + 1), "check_suite": {"id": number(sha)},
        "output": {"title": null, "summary": null, "text": null, "annotations_count": 0,
            "annotations_url": format!("{place}/annotations")},
        "app": {
            "id": 15368, "client_id": "Iv1.05c79e9ad1f6bdfa", "slug": "github-actions", "node_id": "MDM6QXBwMTUzNjg=",
            "owner": user(base, "github"), "name": "GitHub Actions",
            "description": "Automate your workflow from idea to production", "created_at": moment(0),
            "updated_at": moment(0), "external_url": "https://help.github.com/en/actions",
            "html_url": "https://github.com/apps/github-actions", "permissions": {"checks": "write"}, "events": [],
        },
        "pull_requests": [],
    })
}

/// An annotation of a check run.
pub(super) fn annotation(repository: &Value) -> Value {
    json!({
        "path": "src/main.rs", "start_line": 3, "end_line": 3, "start_column": null, "end_column": null,
        "annotation_level": "failure", "title": "error", "message": "mismatched types", "raw_details": null,
        "blob_href": format!("{}/blob/main/src/main.rs", places(repository).1),
    })
}

/// A workflow run, which succeeded.
pub(super) fn run(repository: &Value, base: &str, id: u64, number: u64, sha: &str) -> Value {
    let (url, html) = places(repository);
    let place = format!("{url}/actions/runs/{id}");
    let suite = super::objects::number(sha);
    let someone = json!({"name": "The Octocat", "email": "octocat@example.com"});
    let who = user(base, "octocat");
    json!({
        "id": id, "name": "CI", "node_id": node("WFR", id), "head_branch": "main", "head_sha": sha,
        "path": ".github/workflows/ci.yml", "run_number": number, "run_attempt": 1, "event": "push",
        "status": "completed", "conclusion": "success", "workflow_id": 7, "check_suite_id": suite,
        "check_suite_node_id": node("CS", suite), "url": place, "html_url": format!("{html}/actions/runs/{id}"),
        "pull_requests": [], "created_at": moment(number * 10), "updated_at": moment(number * 10 + 5), "actor": who,
        "triggering_actor": who, "run_started_at": moment(number * 10), "referenced_workflows": [],
        "jobs_url": format!("{place}/jobs"), "logs_url": format!("{place}/logs"),
        "check_suite_url": format!("{url}/check-suites/{suite}"), "artifacts_url": format!("{place}/artifacts"),
        "cancel_url": format!("{place}/cancel"), "rerun_url": format!("{place}/rerun"), "previous_attempt_url": null,
        "workflow_url": format!("{url}/actions/workflows/7"), "display_title": "A change",
        "head_commit": {"id": sha, "tree_id": super::objects::sha(&format!("tree {sha}")), "message": "A change",
            "timestamp": moment(number * 10), "author": someone, "committer": someone},
        "repository": repository, "head_repository": repository,
    })
}
