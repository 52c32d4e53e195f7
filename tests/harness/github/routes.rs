//! Which request is for what, and what every answer carries whatever it is about.

use serde_json::{Value, json};

use super::access::{Access, Kind, bearer, now};
use super::objects;
use super::state::{Named, State};
use super::wire::{Answer, Asked, Content};

/// What is needed to do something in a repository.
type Need = (&'static str, bool);

/// The parts of a path below a repository, as text.
fn parts(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

impl State {
    /// What GitHub would answer.
    pub(super) fn answer(&mut self, asked: &Asked) -> Answer {
        let path = asked.path.clone();
        // The one request that is made with an app's word instead of a token.
        if let (["app", "installations", id, "access_tokens"], "POST") = (&parts(&path)[..], asked.method.as_str()) {
            return self.common(asked, |state| state.installation_token(asked, id));
        }
        let access = match self.token(asked) {
            Ok(token) => token.access.clone(),
            Err(refusal) => return self.common(asked, |_| refusal),
        };
        let free = path == ["rate_limit"];
        if let Some(refusal) = (!free).then(|| self.exhausted(asked)).flatten() {
            return self.common(asked, |_| refusal);
        }
        let mut answer = self.common(asked, |state| state.dispatch(asked, &access));
        if !free && answer.status != 304 {
            self.spend(asked);
        }
        self.rates(asked, &mut answer);
        self.of_token(&access, &mut answer);
        answer
    }

    fn dispatch(&mut self, asked: &Asked, access: &Access) -> Answer {
        let path = asked.path.clone();
        match (asked.method.as_str(), &parts(&path)[..]) {
            ("GET", ["user"]) => self.who(access),
            ("GET", ["rate_limit"]) => self.rate_limit(asked),
            ("POST", ["graphql"]) => self.graphql(asked, access),
            (_, ["repos", owner, name, rest @ ..]) => match self.named(&format!("{owner}/{name}")) {
                None => Answer::not_found(),
                Some(Named::Here(id)) => self.inside(asked, access, id, rest),
                Some(Named::Moved(id)) => {
                    let Err(refusal) = State::allowed(access, &self.repositories[&id], "metadata", false) else {
                        let below = asked.target.trim_start_matches('/').splitn(4, '/').nth(3);
                        let below = below.map(|below| format!("/{below}")).unwrap_or_default();
                        return Answer::moved(&asked.method, &format!("{}/repositories/{id}{below}", self.base));
                    };
                    refusal
                }
            },
            (_, ["repositories", id, rest @ ..]) => {
                match id.parse().ok().filter(|id| self.repositories.contains_key(id)) {
                    Some(id) => self.inside(asked, access, id, rest),
                    None => Answer::not_found(),
                }
            }
            _ => Answer::not_found(),
        }
    }

    /// What a route needs; nothing where there is none.
    fn need(method: &str, rest: &[&str]) -> Option<Need> {
        Some(match (method, rest) {
            ("GET", []) => ("metadata", false),
            ("GET", ["pulls", ..]) => ("pull_requests", false),
            ("POST", ["pulls"] | ["pulls", _, "requested_reviewers"]) => ("pull_requests", true),
            ("GET", ["issues", ..]) => ("issues", false),
            ("POST", ["issues", _, "comments"]) => ("issues", true),
            ("GET", ["commits", .., "check-runs"] | ["check-runs", _, "annotations"]) => ("checks", false),
            ("GET", ["commits", .., "status"]) => ("statuses", false),
            ("GET", ["branches" | "commits", ..]) => ("contents", false),
            ("GET", ["actions", "runs"] | ["actions", "jobs", _, "logs"]) => ("actions", false),
            ("GET", ["rules", "branches", _]) => ("metadata", false),
            _ => return None,
        })
    }

    fn inside(&mut self, asked: &Asked, access: &Access, id: u64, rest: &[&str]) -> Answer {
        let Some((permission, writes)) = Self::need(&asked.method, rest) else { return Answer::not_found() };
        let repository = &self.repositories[&id];
        // A comment on a pull request may be made with either permission.
        let as_pull = match rest {
            ["issues", number, ..] => number.parse().is_ok_and(|number| repository.pulls.contains_key(&number)),
            _ => false,
        };
        let allowed = Self::allowed(access, repository, permission, writes);
        let allowed = allowed.or_else(|refusal| match as_pull {
            true => Self::allowed(access, repository, "pull_requests", writes).map_err(|_| refusal),
            false => Err(refusal),
        });
        if let Err(refusal) = allowed {
            return refusal;
        }
        let number = |text: &str| text.parse().unwrap_or(0);
        match (asked.method.as_str(), rest) {
            ("GET", []) => Answer::json(200, repository.in_full(access.kind != Kind::Anonymous)),
            ("GET", ["pulls"]) => repository.list_pulls(asked),
            ("POST", ["pulls"]) => self.create_pull(asked, access, id),
            ("GET", ["pulls", of]) => self.pull(asked, id, number(of)),
            ("GET", ["pulls", of, "files"]) => repository.list_files(asked, number(of)),
            ("GET", ["pulls", of, "reviews"]) => repository.list_reviews(asked, number(of)),
            ("POST", ["pulls", of, "requested_reviewers"]) => self.request_reviewers(asked, id, number(of)),
            ("GET", ["issues"]) => self.list_issues(asked, id),
            ("GET", ["issues", of]) => self.issue(asked, id, number(of)),
            ("GET", ["issues", of, "comments"]) => self.list_comments(asked, id, number(of)),
            ("POST", ["issues", of, "comments"]) => self.create_comment(asked, access, id, number(of)),
            ("GET", ["issues", of, "timeline"]) => self.timeline(asked, id, number(of)),
            ("GET", ["branches"]) => repository.list_branches(asked),
            ("GET", ["branches", name @ ..]) => repository.get_branch(&name.join("/")),
            ("GET", ["commits", name @ .., "check-runs"]) if !name.is_empty() => {
                repository.list_check_runs(asked, &name.join("/"))
            }
            ("GET", ["commits", name @ .., "status"]) if !name.is_empty() => {
                repository.combined_status(asked, &name.join("/"))
            }
            ("GET", ["commits", name @ ..]) if !name.is_empty() => repository.get_commit(&name.join("/")),
            ("GET", ["check-runs", of, "annotations"]) => repository.list_annotations(asked, number(of)),
            ("GET", ["actions", "runs"]) => repository.list_runs(asked),
            ("GET", ["actions", "jobs", of, "logs"]) => repository.job_logs(number(of), &self.storage),
            ("GET", ["rules", "branches", name]) => repository.branch_rules(asked, name),
            _ => Answer::not_found(),
        }
    }

    /// What all answers carry, and 304 for what is known already.
    fn common(&mut self, asked: &Asked, answer: impl FnOnce(&mut Self) -> Answer) -> Answer {
        let mut answer = answer(self);
        let request = objects::sha(&format!("request {}", self.tick())).to_uppercase();
        answer = answer
            .with("X-GitHub-Request-Id", format!("{}:{}:{}", &request[..4], &request[4..10], &request[10..18]))
            .with("X-GitHub-Api-Version-Selected", "2022-11-28")
            .with("Server", "github.com")
            .with("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP,Accept-Encoding, Accept, X-Requested-With");
        let form = if matches!(answer.content, Content::Text(..)) { "v3; param=diff" } else { "v3; format=json" };
        answer = answer.with("X-GitHub-Media-Type", format!("github.{form}"));
        if asked.method != "GET" || answer.status != 200 {
            return answer;
        }
        let text = match &answer.content {
            Content::Nothing => String::new(),
            Content::Json(value) => value.to_string(),
            Content::Text(_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let tag = format!("W/\"{}\"", objects::sha(&format!("{} {text}", asked.header("accept").unwrap_or_default())));
        let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let known = asked.header("if-none-match").unwrap_or_default();
        let same = known.split(',').any(|one| strong(one) == strong(&tag) || one.trim() == "*");
        answer = answer.with("ETag", tag).with("Cache-Control", "private, max-age=60, s-maxage=60");
        if same {
            (answer.status, answer.content) = (304, Content::Nothing);
        }
        answer
    }

    /// The refusal when nothing is left.
    fn exhausted(&mut self, asked: &Asked) -> Option<Answer> {
        let token = self.token(asked).ok()?;
        if token.remaining > 0 {
            return None;
        }
        let mut answer = exceeded(bearer(asked).is_some());
        self.rates(asked, &mut answer);
        Some(answer)
    }

    fn spend(&mut self, asked: &Asked) {
        if let Ok(token) = self.token(asked) {
            token.remaining = token.remaining.saturating_sub(1);
        }
    }

    /// The headers that say what is left.
    pub(super) fn rates(&mut self, asked: &Asked, answer: &mut Answer) {
        let Ok(token) = self.token(asked) else { return };
        let (limit, remaining) = (token.limit, token.remaining);
        if answer.headers.iter().any(|(name, _)| name == "X-RateLimit-Limit") {
            return;
        }
        let resource = if asked.path == ["graphql"] { "graphql" } else { "core" };
        let figures =
            [("Limit", limit), ("Remaining", remaining), ("Used", limit - remaining.min(limit)), ("Reset", reset())];
        for (name, figure) in figures {
            answer.headers.push((format!("X-RateLimit-{name}"), figure.to_string()));
        }
        answer.headers.push(("X-RateLimit-Resource".to_owned(), resource.to_owned()));
    }

    /// The headers that a kind of token brings.
    fn of_token(&self, access: &Access, answer: &mut Answer) {
        let mut add = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
        match &access.kind {
            Kind::Classic(scopes) => {
                add("X-OAuth-Scopes", scopes.join(", "));
                add("X-Accepted-OAuth-Scopes", "repo".to_owned());
            }
            Kind::FineGrained => {
                add("github-authentication-token-expiration", "2027-01-31 00:00:00 UTC".to_owned());
            }
            Kind::Installation | Kind::Anonymous => {}
        }
    }

    fn rate_limit(&mut self, asked: &Asked) -> Answer {
        let Ok(token) = self.token(asked) else { return Answer::not_found() };
        let (limit, remaining) = (token.limit, token.remaining);
        let rate = |limit: u64, remaining: u64| -> Value {
            json!({"limit": limit, "used": limit - remaining.min(limit), "remaining": remaining, "reset": reset()})
        };
        let core = rate(limit, remaining);
        let resources = json!({"core": core, "search": rate(30, 30), "graphql": core,
            "integration_manifest": rate(5000, 5000),
            "code_search": rate(10, 10)});
        Answer::json(200, json!({"resources": resources, "rate": core}))
    }
}

/// When an hour of requests is over: the end of this one.
pub(super) fn reset() -> u64 {
    (now() / 3600 + 1) * 3600
}

/// The words of the primary limit.
pub(super) fn exceeded(known: bool) -> Answer {
    let help = "If you reach out to GitHub Support for help, please include the request ID";
    match known {
        true => Answer::error(403, &format!("API rate limit exceeded for user ID 1. {help} ABCD:123456.")),
        false => Answer::error(
            403,
            "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate \
             limit. Check out the documentation for more details.)",
        ),
    }
}
