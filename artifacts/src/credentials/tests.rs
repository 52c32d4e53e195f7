use super::*;
use std::{collections::BTreeMap, ffi::OsString, os::unix::fs::PermissionsExt};

struct Desk {
    place: tempfile::TempDir,
    variables: BTreeMap<String, OsString>,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut desk = Self { place, variables: BTreeMap::new() };
        let home = desk.place.path().join("home").into_os_string();
        desk.variables.insert("HOME".into(), home);
        desk
    }

    fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn with(&self, given: &Given, hosts: &[&str]) -> Result<Credentials> {
        let variables = self.variables.clone();
        Credentials::new(given, Environment::from_fn(move |name| variables.get(name).cloned()), hosts)
    }

    fn find(&self, name: &str) -> Result<Option<Credential>> {
        let name = RepositoryName::parse(name).unwrap();
        let found = self.with(&Given::default(), &[&name.host])?.find(&name)?;
        Ok(found.map(|found| found.credential))
    }
}

fn password(username: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { username: username.into(), password: Secret::new(password) })
}

const DOCKER: &str = "home/.docker/config.json";

#[test]
fn without_any_there_is_none() {
    assert_eq!(Desk::new().find("h.example/a"), Ok(None));
    assert_eq!(Desk::new().file(DOCKER, "{}").find("h.example/a"), Ok(None));
}

#[test]
fn what_is_given_goes_to_the_named_host_only() {
    let desk = Desk::new().set("AGENT_TOOLS_USERNAME", "u").set("AGENT_TOOLS_PASSWORD", "p");
    let credentials = desk.with(&Given::default(), &["h.example"]).unwrap();
    let find = |name: &str| credentials.find(&RepositoryName::parse(name).unwrap()).unwrap().map(|it| it.credential);
    assert_eq!(find("h.example/a"), password("u", "p"));
    for other in ["h.example:444/a", "evil.h.example/a", "docker.io/a"] {
        assert_eq!(find(other), None, "{other}");
    }
    let error = desk.with(&Given::default(), &["a.example", "b.example"]).unwrap_err();
    assert!(error.kind == Kind::Usage && error.message.contains("AGENT_TOOLS_REGISTRY"), "{error}");
    let desk = desk.set("AGENT_TOOLS_REGISTRY", "b.example");
    assert!(desk.with(&Given::default(), &["a.example", "b.example"]).is_ok());
    assert_eq!(desk.find("a.example/x"), Ok(None));
    let given = Given { username: Some("u".into()), password: Some(Secret::new("p")), ..Given::default() };
    assert!(desk.with(&given, &["a.example"]).is_err_and(|error| error.message.contains("nothing would use")));
    let url = Desk::new().set("AGENT_TOOLS_TOKEN", "t").set("AGENT_TOOLS_REGISTRY", "https://b.example");
    assert!(url.with(&Given::default(), &["b.example"]).is_err_and(|error| error.kind == Kind::Usage));
    let typo = Desk::new().set("REGISTRY_AUTH_FILE", "/nowhere/auth.json");
    let name = RepositoryName::parse("h.example/a").unwrap();
    let error = typo.with(&Given::default(), &["h.example"]).unwrap().find(&name).unwrap_err();
    assert!(error.kind == Kind::Unauthenticated && error.message.contains("which is not there"), "{error}");
    let desk = desk.set("AGENT_TOOLS_REGISTRY", "docker.io");
    assert_eq!(desk.find("index.docker.io/team/x"), Ok(password("u", "p")));
}

#[test]
fn given_ways_and_their_gaps() {
    let find = |desk: &Desk, given: &Given| {
        let name = RepositoryName::parse("h.example/a").unwrap();
        Ok::<_, Error>(desk.with(given, &["h.example"])?.find(&name)?.map(|found| found.credential))
    };
    let none = Given::default();
    assert_eq!(
        find(&Desk::new().set("AGENT_TOOLS_TOKEN", "t\n"), &none),
        Ok(Some(Credential::Bearer(Secret::new("t"))))
    );
    assert_eq!(
        find(&Desk::new().set("AGENT_TOOLS_TOKEN", "t").set("AGENT_TOOLS_USERNAME", "u"), &none),
        Ok(password("u", "t"))
    );
    let desk = Desk::new().file("token", "t\n");
    let given = Given { token_file: Some(desk.path("token")), ..Given::default() };
    assert_eq!(find(&desk, &given), Ok(Some(Credential::Bearer(Secret::new("t")))));
    let given = Given { username: Some("u".into()), password: Some(Secret::new("p")), ..Given::default() };
    assert_eq!(find(&Desk::new(), &given), Ok(password("u", "p")));

    let missing = Given { token_file: Some("/nowhere/token".into()), ..Given::default() };
    for (desk, given, words) in [
        (Desk::new().set("AGENT_TOOLS_USERNAME", "u"), &none, "without a password"),
        (Desk::new().set("AGENT_TOOLS_PASSWORD", "hunter2"), &none, "needs a user name"),
        (Desk::new().set("AGENT_TOOLS_TOKEN", "hunter2\nx"), &none, "line break"),
        (Desk::new().set("AGENT_TOOLS_USERNAME", "a:b").set("AGENT_TOOLS_PASSWORD", "hunter2"), &none, "holds a colon"),
        (Desk::new(), &missing, "no such file"),
    ] {
        let error = find(&desk, given).unwrap_err();
        assert!(error.message.contains(words) && !error.message.contains("hunter2"), "{error} lacks {words}");
    }
}

#[test]
fn entries_are_read_in_all_their_forms() {
    // dTpwOng= is u:p:x, dTpwAAA= is u:p with the NULs of an old docker.
    for (entry, expected) in [
        (r#"{"auth":"dTpwOng="}"#, password("u", "p:x")),
        (r#"{"auth":"dTpwAAA="}"#, password("u", "p")),
        (r#"{"username":"u","password":"p"}"#, password("u", "p")),
        (r#"{"auth":"dTpwOng=","identitytoken":"i"}"#, Some(Credential::Identity(Secret::new("i")))),
        (r#"{"registrytoken":"r"}"#, Some(Credential::Bearer(Secret::new("r")))),
        ("{}", None),
    ] {
        let desk = Desk::new().file(DOCKER, &format!(r#"{{"auths":{{"h.example":{entry}}}}}"#));
        assert_eq!(desk.find("h.example/a"), Ok(expected), "{entry}");
    }
}

#[test]
fn keys_match_as_docker_and_podman_match_them() {
    let entry = |key: &str, user: &str| format!(r#""{key}":{{"username":"{user}","password":"p"}}"#);
    let all = [
        entry("https://index.docker.io/v1/", "docker"),
        entry("h.example", "host"),
        entry("h.example:5000", "port"),
        entry("h.example/team", "team"),
        entry("h.example/team/x", "x"),
        entry("https://old.example/v1/", "old"),
    ];
    let desk = Desk::new().file(DOCKER, &format!(r#"{{"auths":{{{}}}}}"#, all.join(",")));
    for (name, user) in [
        ("docker.io/alpine", Some("docker")),
        ("docker.io/team/x", Some("docker")),
        ("h.example/a", Some("host")),
        ("h.example:5000/a", Some("port")),
        ("h.example:5001/a", None),
        ("h.example/team/y", Some("team")),
        ("h.example/team/x", Some("x")),
        ("h.example/teammate/x", Some("host")),
        ("old.example/a", Some("old")),
        ("sub.h.example/a", None),
    ] {
        assert_eq!(desk.find(name), Ok(user.and_then(|user| password(user, "p"))), "{name}");
    }
}

#[test]
fn files_are_looked_at_in_order() {
    let entry = |user: &str| format!(r#"{{"auths":{{"h.example":{{"username":"{user}","password":"p"}}}}}}"#);
    let mut desk = Desk::new();
    for (variable, value, file, user) in [
        ("XDG_RUNTIME_DIR", "run", "run/containers/auth.json", "podman"),
        ("HOME", "home", DOCKER, "home"),
        ("DOCKER_CONFIG", "docker", "docker/config.json", "docker"),
        ("REGISTRY_AUTH_FILE", "auth.json", "auth.json", "file"),
    ] {
        let value = desk.path(value);
        desk = desk.set(variable, value).file(file, &entry(user));
        assert_eq!(desk.find("h.example/a"), Ok(password(user, "p")));
    }
}

#[test]
fn what_is_configured_and_broken_is_an_error_without_its_secret() {
    for (text, words) in [
        ("{", "not a configuration"),
        (r#"{"auths":{"h.example":{"auth":["hunter2"]}}}"#, "not a configuration"),
        (r#"{"auths":{"h.example":{"auth":"hunter2"}}}"#, "not base64"),
        (r#"{"auths":{"h.example":{"auth":"aHVudGVyMg=="}}}"#, "not base64 of name:password"),
        (r#"{"credHelpers":{"h.example":"not-there"}}"#, "cannot be started"),
        (r#"{"credHelpers":{"h.example":"../evil"}}"#, "not the name of a credential helper"),
        (r#"{"credsStore":"not-there"}"#, "cannot be started"),
    ] {
        let desk = Desk::new().file(DOCKER, text);
        let error = desk.find("h.example/a").unwrap_err();
        assert_eq!(error.kind, Kind::Unauthenticated, "{error}");
        assert!(error.message.contains(words), "{error} lacks {words}");
        assert!(!error.message.contains("hunter2") && !error.message.contains("aHVudGVyMg"), "{error}");
    }
    let desk = Desk::new().file("home/.docker/config.json/x", "");
    assert_eq!(desk.find("h.example/a").unwrap_err().kind, Kind::Unauthenticated);
}

#[test]
fn helpers_come_before_entries_and_the_store_after() {
    let desk = Desk::new().file(
        DOCKER,
        r#"{"credsStore":"store","credHelpers":{"a.example":"helper"},"auths":{"a.example":{"username":"u","password":"p"},"b.example":{"username":"u","password":"p"},"c.example":{}}}"#,
    );
    for (name, script) in [
        ("helper", r#"echo '{"Username":"helper","Secret":"s"}'"#),
        (
            "store",
            r#"read -r s; test "$s" = c.example && { echo credentials not found in native keychain; exit 1; }; echo "{\"Username\":\"store\",\"Secret\":\"$s\"}""#,
        ),
    ] {
        let path = desk.path(&format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let search = format!("{}:/bin:/usr/bin", desk.place.path().display());
    let desk = desk.set("PATH", search);
    assert_eq!(desk.find("a.example/x"), Ok(password("helper", "s")));
    assert_eq!(desk.find("b.example/x"), Ok(password("u", "p")));
    assert_eq!(desk.find("d.example/x"), Ok(password("store", "d.example")));
    assert_eq!(desk.find("docker.io/x"), Ok(password("store", "https://index.docker.io/v1/")));
    assert!(desk.find("c.example/x").unwrap_err().message.contains("has an entry for c.example"));
}

#[test]
fn no_secret_shows_in_debug() {
    let desk = Desk::new().set("AGENT_TOOLS_USERNAME", "u").set("AGENT_TOOLS_PASSWORD", "hunter2");
    let credentials = desk.with(&Given::default(), &["h.example"]).unwrap();
    let found = credentials.find(&RepositoryName::parse("h.example/a").unwrap()).unwrap();
    assert!(!format!("{credentials:?} {found:?}").contains("hunter2"));
}
