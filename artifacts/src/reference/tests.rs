use super::*;

fn shown(text: &str) -> String {
    match text.parse::<Reference>() {
        Ok(reference) => format!("{reference}"),
        Err(error) => format!("{:?}: {}", error.kind, error.message),
    }
}

const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

#[test]
fn what_is_well_formed_is_read_and_written_the_same() {
    for text in [
        "ghcr.io/team/mcp-git",
        "ghcr.io/team/mcp-git:1.0.0",
        "localhost/x:1",
        "localhost:5000/x:_a.b-C",
        "127.0.0.1:5000/a/b/c:1",
        "[::1]:5000/a:1",
        "a.example/a__b/c--d/e.f_g:1",
        &format!("ghcr.io/x@{DIGEST}"),
        &format!("ghcr.io/x:1@{DIGEST}"),
        "oci:dist",
        "oci:dist:1.0.0",
        "oci:/a/b:c/d",
        &format!("oci:dist:1@{DIGEST}"),
        &format!("ghcr.io/x:{}", "t".repeat(128)),
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn parts_are_where_they_belong() {
    let reference: Reference = format!("h.example:5000/a/b:t@{DIGEST}").parse().unwrap();
    let name = reference.repository().unwrap();
    assert_eq!((name.host.as_str(), name.path.as_str()), ("h.example:5000", "a/b"));
    assert_eq!((reference.tag.as_deref(), reference.name().as_str()), (Some("t"), DIGEST));
    let layout: Reference = "oci:a:b".parse().unwrap();
    assert_eq!(layout.place, Location::Layout("a".into()));
    assert_eq!(layout.name(), "b");
    assert!(layout.repository().is_err());
    assert_eq!("h.example/a".parse::<Reference>().unwrap().name(), "latest");
}

#[test]
fn docker_is_reached_under_its_own_name() {
    let name = |text: &str| text.parse::<Reference>().unwrap().repository().unwrap().clone();
    assert_eq!(name("docker.io/alpine").path, "library/alpine");
    assert_eq!(name("docker.io/team/x").path, "team/x");
    assert_eq!(name("docker.io/alpine").server(), "registry-1.docker.io");
    assert_eq!(name("ghcr.io/alpine").path, "alpine");
}

#[test]
fn what_is_wrong_is_refused_with_what_to_do() {
    let long_tag = format!("ghcr.io/x:{}", "t".repeat(129));
    let long_name = format!("ghcr.io/{}", "n".repeat(250));
    for (text, words) in [
        ("", "is empty"),
        ("git", "names no registry"),
        ("team/git", "names no registry"),
        ("team/git:1", "ghcr.io/team/git"),
        ("ghcr.io", "no repository in it"),
        ("ghcr.io/", "not part of a repository's name"),
        ("ghcr.io/..", "not part"),
        ("ghcr.io/a/../b", "not part"),
        ("ghcr.io/a//b", "not part"),
        ("ghcr.io/A", "not part"),
        ("ghcr.io/a b", "not part"),
        ("ghcr.io/a___b", "not part"),
        ("ghcr.io/a-", "not part"),
        ("ghcr.io/-a", "not part"),
        ("ghcr.io/a%2e", "not part"),
        ("ghcr.io/a?x=y", "not part"),
        ("ghcr.io/a#x", "not part"),
        ("ghcr.io/a:", "is not a tag"),
        ("ghcr.io/a:.b", "is not a tag"),
        ("ghcr.io/a:-b", "is not a tag"),
        ("ghcr.io/a:b c", "is not a tag"),
        ("ghcr.io/a:\u{e9}", "is not a tag"),
        (&long_tag, "is not a tag"),
        (&long_name, "longer than 255"),
        ("ghcr.io/a\n", "control character"),
        ("ghcr.io/a\u{1b}[31m", "control character"),
        ("ghcr.io/a\0", "control character"),
        ("-oProxy=x.y/a", "not a host"),
        ("-x/a", "not a host"),
        ("host.:80/a", "not a host"),
        ("h.example:0/a", "not a host"),
        ("h.example:99999/a", "not a host"),
        ("h.example:+80/a", "not a host"),
        ("[::1/a", "not a host"),
        ("[zz]:1/a", "not a host"),
        ("https://ghcr.io/a", "leave out \"https://\", as in \"ghcr.io/a\""),
        ("ghcr.io/a@sha256:00", "not a sha256 digest"),
        ("ghcr.io/a@sha512:00", "not a sha256 digest"),
        ("oci:", "needs the path"),
        ("oci::1", "needs the path"),
        ("oci:x@sha256:0", "not a sha256 digest"),
    ] {
        let said = shown(text);
        assert!(said.starts_with("Usage: ") && said.contains(words), "{text:?}: {said} lacks {words}");
    }
}

#[test]
fn a_password_is_refused_and_not_repeated() {
    for text in [
        "user:hunter2@ghcr.io/a",
        "hunter2@ghcr.io/a",
        "user:hunter2@ghcr.io:443/a:1",
        "user:hunter2@localhost",
        "user:hunter2@localhost:5000/a",
        "https://user:hunter2@ghcr.io/a",
        "https://hunter2@ghcr.io/a",
        &format!("user:hunter2@ghcr.io/a@{DIGEST}"),
        &format!("https://user:hunter2@ghcr.io/a@{DIGEST}"),
        "user:hun@ter2@ghcr.io/a",
    ] {
        let said = shown(text);
        assert!(said.starts_with("Usage: "), "{text}: {said}");
        assert!(!said.contains("hun") && !said.contains("ter2"), "{said}");
    }
}

#[test]
fn only_loopback_is_loopback() {
    for (host, expected) in [
        ("localhost", true),
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("[::1]", true),
        ("::1", true),
        ("localhost.example", false),
        ("127.0.0.1.example", false),
        ("10.0.0.1", false),
        ("0.0.0.0", false),
        ("2130706433", false),
    ] {
        assert_eq!(is_loopback(host), expected, "{host}");
    }
}

#[test]
fn a_directory_with_a_layout_needs_no_prefix() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("oci-layout"), "{}").unwrap();
    let path = place.path().to_str().unwrap();
    for (text, tag) in [(path.to_owned(), None), (format!("{path}:1"), Some("1"))] {
        let reference = Reference::parse_or_layout(&text).unwrap();
        assert_eq!(reference.place, Location::Layout(path.into()));
        assert_eq!(reference.tag.as_deref(), tag);
    }
    assert!(Reference::parse_or_layout("team/git").is_err());
}

#[test]
fn a_tag_of_a_digest_is_told_from_others() {
    let digits = "a".repeat(64);
    for (tag, expected) in [
        (format!("sha256-{digits}"), true),
        (format!("sha256-{digits}.sig"), true),
        (format!("sha256-{digits}0"), false),
        ("sha256-abc".to_owned(), false),
        (digits, false),
        ("1.0.0".to_owned(), false),
    ] {
        assert_eq!(super::is_of_digest(&tag), expected, "{tag}");
    }
}
