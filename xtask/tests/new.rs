//! `cargo xtask new` on a copy of the workspace: the new server is built, tested, generated, extended by a tool, and called.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;

use common::Copy;

#[test]
fn a_new_server_is_whole_and_takes_a_second_tool() {
    let copy = Copy::of_this_workspace("new");
    copy.xtask(&["new", "demo"]);

    // It is everywhere it has to be.
    assert!(copy.read("Cargo.toml").contains("mcp-demo = { path = \"tools/demo\" }"));
    assert!(copy.read("README.md").contains("| `demo_hello` | RO | `name`*, `budget` | Greets someone by name. |"));
    assert!(copy.read("README.md").contains("[`mcp-demo`](tools/demo)"));
    assert!(copy.read("artifacts/demo/manifest.json").contains("\"mcp-demo\""));
    assert!(copy.read("artifacts/demo/catalogue.json").contains("\"demo_hello\""));
    assert!(copy.read("tools/demo/snapshots/demo_hello.json").contains("\"readOnlyHint\": true"));

    // It is written as the project writes, and nothing is stale.
    copy.cargo(&["fmt", "--check", "--package", "mcp-demo"]);
    copy.ok("rustfmt", &["--check", "tools/demo/src/tools/hello.rs"]);
    copy.xtask(&["codegen", "--check"]);
    let again = copy.run(env!("CARGO_BIN_EXE_xtask"), &["new", "demo"]);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");

    // Its own tests pass, and those among the end-to-end tests.
    let tests = copy.cargo(&[
        "test",
        "--package",
        "mcp-demo",
        "--package",
        "agent-tools-tests",
        "--lib",
        "--test",
        "it",
        "--",
        "hello",
        "demo::",
    ]);
    for test in [
        "tools::hello::tests::a_name_is_greeted_and_nobody_is_refused",
        "demo::hello_greets",
        "demo::hello_says_what_is_missing",
    ] {
        assert!(tests.contains(&format!("test {test} ... ok")), "{test} did not run:\n{tests}");
    }

    // A second tool is one file and one line.
    let hello = copy.read("tools/demo/src/tools/hello.rs");
    let second = hello.replace("Hello", "Goodbye").replace("hello", "goodbye");
    fs::write(copy.root.join("tools/demo/src/tools/goodbye.rs"), second).unwrap();
    let line = "    read goodbye::Goodbye,\n";
    copy.change("tools/demo/src/tools.rs", |list| {
        list.replace("    read hello::Hello,\n", &format!("{line}    read hello::Hello,\n"))
    });
    let check = copy.run(env!("CARGO_BIN_EXE_xtask"), &["codegen", "--check"]);
    let stale = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(!check.status.success(), "{stale}");
    for path in ["README.md", "artifacts/demo/catalogue.json", "tools/demo/snapshots/demo_goodbye.json"] {
        assert!(stale.contains(&format!("{path}: stale")), "{path} is not in:\n{stale}");
    }
    copy.xtask(&["codegen"]);
    copy.xtask(&["codegen", "--check"]);
    let binary = copy.target.join("debug/mcp-demo");
    let said = copy.ok(binary.to_str().unwrap(), &["call", "demo_goodbye", "name=Ada"]);
    assert_eq!(said.trim_end(), "goodbye `Ada`");
    // Its place in the list is its place for clients.
    let tools = copy.ok(binary.to_str().unwrap(), &["tools"]);
    let order: Vec<&str> = tools.lines().filter_map(|line| line.split(' ').next()).take(2).collect();
    assert_eq!(order, ["demo_goodbye", "demo_hello"]);
    // With the packages of before, and below by building: another selection or a mere check would compile every dependency anew.
    let tests =
        copy.cargo(&["test", "--package", "mcp-demo", "--package", "agent-tools-tests", "--lib", "--", "goodbye"]);
    let test = "tools::goodbye::tests::a_name_is_greeted_and_nobody_is_refused";
    assert!(tests.contains(&format!("test {test} ... ok")), "{tests}");

    // A tool that changes something is not listed among those that do not.
    copy.change("tools/demo/src/tools.rs", |list| list.replace(line, "    write goodbye::Goodbye,\n"));
    let wrong = copy
        .run(env!("CARGO"), &["test", "--package", "mcp-demo", "--package", "agent-tools-tests", "--lib", "--no-run"]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("type mismatch"), "{said}");
}
