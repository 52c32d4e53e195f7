//! The invariants of ARCHITECTURE.md that are absences: words that stand in one place of the sources and nowhere else, or nowhere.

use super::Finding;
use crate::{
    rust,
    tree::{Source, Tree},
};

/// Words that may stand in some modules only.
struct Absence {
    /// What they do.
    what: &'static str,
    /// The words; the names that `use` trees bring in are looked at as full paths.
    words: &'static [&'static str],
    /// The modules that may: `shared/src/exec` is `shared/src/exec.rs` and everything in `shared/src/exec/`.
    only: &'static [&'static str],
    /// Why nobody else may.
    why: &'static str,
}

/// What the spine and the servers do in one place. Tests may do it anywhere.
const ABSENCES: &[Absence] = &[
    Absence {
        what: "starts a process",
        words: &[
            "process::Command",
            "process::*",
            "process as",
            "tokio::process",
            "posix_spawn",
            "execve",
            "execvp",
            "fork()",
        ],
        only: &["shared/src/exec", "artifacts/src/trial", "artifacts/src/credentials/helper"],
        why: "only shared/src/exec does (and artifacts/src/trial and credentials/helper), where environment, deadline and output are bounded",
    },
    Absence {
        what: "writes to stdout",
        words: &["print!", "println!", "io::stdout", "stdout()", "Stdout", "STDOUT_FILENO"],
        only: &["shared/src/serve", "shared/src/cli", "artifacts/src/cli/print", "artifacts/src/cli/completions"],
        why: "it belongs to the protocol or to the result, only shared/src/serve, shared/src/cli and artifacts/src/cli/print may",
    },
    Absence {
        what: "opens a socket",
        words: &[
            "TcpStream",
            "TcpListener",
            "TcpSocket",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "UnixDatagram",
            "net::*",
            "reqwest",
            "russh",
            "hyper",
        ],
        only: &["shared/src/http", "shared/src/serve/http", "tools/git/src/remote", "artifacts/src/registry"],
        why: "only shared/src/http, shared/src/serve/http.rs, tools/git/src/remote and artifacts/src/registry do, under one policy",
    },
    Absence {
        what: "decides what TLS trusts",
        words: &["rustls", "rustls_native_certs", "webpki_roots", "native_tls", "openssl"],
        only: &["shared/src/http", "artifacts/src/registry"],
        why: "only shared/src/http and artifacts/src/registry do, so that a company's authority is set in one way",
    },
    Absence {
        what: "opens a repository",
        words: &[
            "Repository::open",
            "Repository::open_ext",
            "Repository::open_bare",
            "Repository::open_from_env",
            "Repository::discover",
        ],
        only: &["tools/git/src/gate"],
        why: "only tools/git/src/gate.rs does, after it has looked at the configuration",
    },
];

/// What no source has, tests included, and what to do instead.
const NOWHERE: &[(&str, &str)] = &[
    ("todo!", "real or absent: do it or leave it out"),
    ("unimplemented!", "real or absent: do it or leave it out"),
    ("dbg!", "a trace of debugging, remove it"),
];

/// Looks at every source.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources.values().flat_map(source).collect()
}

fn source(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = &source.path;
    if ["shared/src/", "artifacts/src/", "tools/"].iter().any(|place| path.starts_with(place)) {
        let uses = rust::uses(&source.code);
        for absence in ABSENCES.iter().filter(|absence| !absence.only.iter().any(|module| within(path, module))) {
            let here = absence.words.iter().flat_map(|word| rust::find_words(&source.code, word));
            let brought = uses
                .iter()
                .filter(|(_, name)| absence.words.iter().any(|word| !rust::find_words(name, word).is_empty()));
            for at in here.chain(brought.map(|(at, _)| *at)).filter(|at| !source.is_test(*at)) {
                found.push(Finding::new(path, source.line(at), format!("{}, {}", absence.what, absence.why)));
            }
        }
    }
    for (word, why) in NOWHERE {
        for at in rust::find_words(&source.code, word) {
            found.push(Finding::new(path, source.line(at), format!("{word}, {why}")));
        }
    }
    for attribute in rust::attributes(&source.code) {
        let line = source.line(attribute.range.start);
        if attribute.text == "ignore" || attribute.text.starts_with("ignore=") {
            found.push(Finding::new(
                path,
                line,
                "#[ignore], a test that cannot run here says so and is counted as skipped",
            ));
        }
        if !rust::find_words(&attribute.text, "allow(").is_empty() {
            found.push(Finding::new(
                path,
                line,
                "#[allow(…)], #[expect(…, reason = \"…\")] is noticed when it is no longer needed",
            ));
        }
    }
    let expected = rust::under(&source.code, |text| text.starts_with("expect(unsafe_code,reason="));
    for at in rust::find_words(&source.code, "unsafe") {
        if !expected.iter().any(|range| range.contains(&at)) {
            let what = "unsafe, without #[expect(unsafe_code, reason = \"…\")] on the one item that needs it";
            found.push(Finding::new(path, source.line(at), what));
        }
    }
    found
}

/// Whether `path` is `module` or in it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let mut lines: Vec<usize> = check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    #[test]
    fn what_belongs_to_one_module_is_found_elsewhere() {
        for (text, home) in [
            ("use std::process::Command;", "shared/src/exec.rs"),
            ("use std::{io, process::{Command, ExitCode}};", "shared/src/exec/child.rs"),
            ("use std::process::*;", "shared/src/exec.rs"),
            ("use std::process as p;", "shared/src/exec.rs"),
            ("fn f() { std::process::Command::new(\"a\"); }", "shared/src/exec.rs"),
            ("use tokio::process::Child;", "shared/src/exec.rs"),
            ("fn f() { println!(); }", "shared/src/cli/print.rs"),
            ("fn f() { std::io::stdout().lock(); }", "shared/src/serve/stdio.rs"),
            ("use std::io::{Stdout, Write};", "shared/src/cli.rs"),
            ("use tokio::net::TcpListener;", "shared/src/serve/http.rs"),
            ("use std::{fs, net::*};", "shared/src/http.rs"),
            ("fn f() -> reqwest::Client {}", "tools/git/src/remote/https.rs"),
            ("use std::os::unix::net::UnixStream;", "tools/git/src/remote.rs"),
            ("use rustls::ClientConfig;", "shared/src/http/tls.rs"),
            ("fn f() { rustls_native_certs::load_native_certs(); }", "artifacts/src/registry/http.rs"),
            ("fn f() { git2::Repository::open(path); }", "tools/git/src/gate.rs"),
        ] {
            for elsewhere in [
                "shared/src/executor.rs",
                "shared/src/client.rs",
                "tools/git/src/tools/log.rs",
                "tools/git/src/remotes.rs",
            ] {
                assert_eq!(lines(elsewhere, text), [1], "{text} in {elsewhere}");
            }
            assert_eq!(lines(home, text), [0; 0], "{text} in {home}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            "use std::process::ExitCode;",
            "use clap::Command; fn f() { Command::new(name).about(\"println!\"); }",
            "// std::process::Command\n/* println!() */ const A: &str = \"TcpStream\";",
            "fn f() { eprintln!(); child.stdout(pipe); child.stdout; }",
            "use std::net::{IpAddr, SocketAddr};",
            "#[cfg(test)]\nmod tests { use std::process::Command; fn f() { println!(); TcpStream::connect(); } }",
        ] {
            assert_eq!(lines("tools/git/src/x.rs", text), [0; 0], "{text}");
        }
        for path in ["tests/it/git.rs", "tests/harness/lib.rs", "xtask/src/run.rs"] {
            assert_eq!(lines(path, "use std::process::Command; fn f() { println!(); }"), [0; 0], "{path}");
        }
    }

    #[test]
    fn some_things_are_nowhere() {
        for text in [
            concat!("fn f() { to", "do!() }"),
            concat!("fn f() { unimple", "mented!(\"x\") }"),
            concat!("fn f() { d", "bg!(x) }"),
            "#[ignore]\nfn f() {}",
            "#[test] #[ignore = \"slow\"]\nfn f() {}",
            "#[allow(dead_code)]\nfn f() {}",
            "#![allow(clippy::all)]",
            "#[cfg_attr(test, allow(dead_code))] fn f() {}",
            "unsafe fn f() {}",
            "#[expect(unsafe_code)] fn f() { unsafe { g() } }",
        ] {
            for path in ["tests/it/git.rs", "shared/src/a.rs", "xtask/src/a.rs"] {
                assert_eq!(lines(path, text), [1], "{text} in {path}");
            }
        }
    }

    #[test]
    fn an_expected_unsafe_is_on_its_item() {
        let text = "#[expect(\n    unsafe_code,\n    reason = \"r\"\n)]\nfn f() {\n    unsafe { g() }\n}\nfn h() {\n    unsafe { g() }\n}\n";
        assert_eq!(lines("shared/src/a.rs", text), [9]);
    }

    #[test]
    fn what_is_like_the_forbidden_is_allowed() {
        for text in [
            "#[expect(dead_code, reason = \"x\")] fn f() {}",
            "// todo!()\nfn mytodo() {}",
            "#[serde(default)] fn allow() {}",
        ] {
            assert_eq!(lines("shared/src/a.rs", text), [0; 0], "{text}");
        }
    }
}
