//! What GitHub sends, in full: users, repositories, commits. A test says what is different, and [`merge`] puts it in.

use jiff::{SignedDuration, Timestamp};
use ring::digest;
use serde_json::{Map, Value, json};

/// Puts `patch` over `into`: objects are merged, everything else replaces what was there.
pub fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// `whole` with `patch` over it.
pub(super) fn patched(mut whole: Value, patch: Value) -> Value {
    merge(&mut whole, patch);
    whole
}

/// An object id that belongs to `text` for ever: 40 hex digits.
pub fn sha(text: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number that belongs to `text` for ever.
pub(super) fn number(text: &str) -> u64 {
    u64::from_str_radix(&sha(text)[..7], 16).expect("hex")
}

/// The moment with this number: a minute after the one before, the first at the beginning of 2026.
pub fn moment(number: u64) -> String {
    let minutes = i64::try_from(number).expect("a moment");
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    (start + SignedDuration::from_mins(minutes)).to_string()
}

/// An opaque id as GitHub makes them.
pub(super) fn node(kind: &str, id: u64) -> String {
    format!("{kind}_kwDO{id:010x}")
}

/// A user as it stands in other objects.
pub fn user(base: &str, login: &str) -> Value {
    let (id, kind) = (number(login), if login.ends_with("[bot]") { "Bot" } else { "User" });
    let url = format!("{base}/users/{login}");
    json!({
        "login": login, "id": id, "node_id": node("U", id), "gravatar_id": "", "url": url,
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "html_url": format!("https://github.com/{login}"), "followers_url": format!("{url}/followers"),
        "following_url": format!("{url}/following{{/other_user}}"), "gists_url": format!("{url}/gists{{/gist_id}}"),
        "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{url}/subscriptions"),
        "organizations_url": format!("{url}/orgs"), "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"), "received_events_url": format!("{url}/received_events"),
        "type": kind, "user_view_type": "public", "site_admin": false,
    })
}

/// The user a token belongs to, as `/user` says it.
pub(super) fn myself(base: &str, login: &str) -> Value {
    patched(
        user(base, login),
        json!({
            "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "twitter_username": null, "notification_email": null, "public_repos": 2, "public_gists": 0, "followers": 1,
            "following": 0, "created_at": moment(0), "updated_at": moment(1),
        }),
    )
}

/// A team as it stands in a pull request.
pub(super) fn team(base: &str, organisation: &str, slug: &str) -> Value {
    let id = number(&format!("{organisation}/{slug}"));
    let url = format!("{base}/organizations/{}/team/{id}", number(organisation));
    json!({
        "id": id, "node_id": node("T", id), "name": slug, "slug": slug, "description": "", "privacy": "closed",
        "notification_setting": "notifications_enabled", "permission": "pull", "url": url,
        "html_url": format!("https://github.com/orgs/{organisation}/teams/{slug}"), "type": "organization",
        "members_url": format!("{url}/members{{/member}}"), "repositories_url": format!("{url}/repos"),
        "organization_id": number(organisation), "parent": null,
    })
}

/// A label of a repository.
pub(super) fn label(repository: &Value, name: &str) -> Value {
    let id = number(name);
    json!({
        "id": id, "node_id": node("LA", id), "name": name, "color": "d73a4a", "default": false, "description": null,
        "url": format!("{}/labels/{name}", repository["url"].as_str().unwrap_or_default()),
    })
}

/// Labels that a test names by their names alone, in full.
pub(super) fn labels_in_full(repository: &Value, object: &mut Value) {
    for entry in object["labels"].as_array_mut().into_iter().flatten() {
        if let Some(name) = entry.as_str().map(str::to_owned) {
            *entry = label(repository, &name);
        }
    }
}

/// Users that a test names by their logins alone, in full.
pub(super) fn users_in_full(base: &str, object: &mut Value, fields: &[&str]) {
    let full = |value: &mut Value| {
        if let Some(login) = value.as_str().map(str::to_owned) {
            *value = user(base, &login);
        }
    };
    for field in fields {
        match object.get_mut(*field) {
            Some(Value::Array(list)) => list.iter_mut().for_each(full),
            Some(value) => full(value),
            None => {}
        }
    }
}

/// The addresses of a repository: name and what follows its own.
const PLACES: &[(&str, &str)] = &[
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// A repository as `GET /repos/OWNER/NAME` says it.
pub(super) fn repository(base: &str, full_name: &str, id: u64) -> Value {
    let (owner, name) = full_name.split_once('/').expect("OWNER/NAME");
    let (url, html) = (format!("{base}/repos/{full_name}"), format!("https://github.com/{full_name}"));
    let owner = patched(user(base, owner), json!({"type": "Organization"}));
    let mut whole = json!({
        "id": id, "node_id": node("R", id), "name": name, "full_name": full_name, "owner": owner, "private": false,
        "html_url": html, "description": "A shop", "fork": false, "url": url, "homepage": null, "language": "Rust",
        "git_url": format!("git://github.com/{full_name}.git"), "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("{html}.git"), "svn_url": html, "mirror_url": null, "size": 1234, "forks_count": 3,
        "stargazers_count": 42, "watchers_count": 42, "default_branch": "main", "open_issues_count": 0,
        "is_template": false, "topics": ["shop", "rust"], "has_issues": true, "has_projects": true, "has_wiki": true,
        "has_pages": false, "has_downloads": true, "has_discussions": false, "has_pull_requests": true,
        "pull_request_creation_policy": "all", "archived": false, "disabled": false, "visibility": "public",
        "pushed_at": moment(3), "created_at": moment(0), "updated_at": moment(2), "allow_forking": true,
        "web_commit_signoff_required": false, "forks": 3, "open_issues": 0, "watchers": 42,
        "license": {"key": "mit", "name": "MIT License", "spdx_id": "MIT", "node_id": "MDc6TGljZW5zZTEz",
            "url": format!("{base}/licenses/mit")},
        "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
    });
    let places = PLACES.iter().map(|(field, path)| ((*field).to_owned(), json!(format!("{url}{path}"))));
    merge(&mut whole, Value::Object(places.collect::<Map<_, _>>()));
    whole
}

/// What `GET /repos/OWNER/NAME` says beyond what stands in other objects.
pub(super) fn repository_in_full(whole: &Value) -> Value {
    patched(
        whole.clone(),
        json!({
            "temp_clone_token": null, "allow_rebase_merge": true, "allow_squash_merge": true, "allow_merge_commit": true,
            "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
            "use_squash_pr_title_as_default": false, "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
            "squash_merge_commit_message": "COMMIT_MESSAGES", "merge_commit_title": "MERGE_MESSAGE",
            "merge_commit_message": "PR_TITLE", "network_count": 3, "subscribers_count": 5,
            "organization": whole["owner"], "custom_properties": {},
        }),
    )
}

/// A commit as `GET /commits/REF` says it, without its files.
pub(super) fn commit(repository: &Value, base: &str, sha: &str, parent: Option<&str>, message: &str) -> Value {
    let place = |what: &str, sha: &str| format!("{}/{what}/{sha}", repository["url"].as_str().unwrap_or_default());
    let html = |sha: &str| format!("{}/commit/{sha}", repository["html_url"].as_str().unwrap_or_default());
    let (who, tree) = (user(base, "octocat"), self::sha(&format!("tree {sha}")));
    let signed = json!({"name": "The Octocat", "email": "octocat@example.com", "date": moment(1)});
    let parents: Vec<Value> = parent
        .map(|sha| json!({"sha": sha, "url": place("commits", sha), "html_url": html(sha)}))
        .into_iter()
        .collect();
    json!({
        "sha": sha, "node_id": node("C", number(sha)), "url": place("commits", sha), "html_url": html(sha),
        "comments_url": format!("{}/comments", place("commits", sha)), "author": who, "committer": who,
        "commit": {
            "author": signed, "committer": signed, "message": message, "comment_count": 0,
            "tree": {"sha": tree, "url": place("git/trees", &tree)}, "url": place("git/commits", sha),
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null,
                "verified_at": null},
        },
        "parents": parents,
    })
}
