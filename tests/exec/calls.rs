//! What a call passes in and gets back.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

#[expect(dead_code, reason = "each test binary uses a part")]
mod common;

use std::time::Duration;

use common::{Fake, SOON, fake};
use shared::Code;
use shared::exec::{CancellationToken, Capture, Command, Ended, Exit, Outcome, Program};

async fn run(command: Command<'_>) -> Outcome {
    command.run(&CancellationToken::new()).await.expect("the call is made")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn arguments_arrive_byte_for_byte() {
    let command = Command::new(&fake())
        .literal("args")
        .positional("name", "a b'c\"$(x)\t*")
        .and_then(|command| command.flag_value("--flag", "--x\ny"))
        .and_then(|command| command.after_separator("command", ["-rf", "", "a\nb"]))
        .expect("allowed");
    let outcome = run(command).await;
    assert_eq!(text(&outcome.stdout.head), "a b'c\"$(x)\t*\0--flag=--x\ny\0--\0-rf\0\0a\nb\0");
    assert!(outcome.success());
}

#[tokio::test]
async fn the_streams_are_apart() {
    let outcome = run(Fake::new().command("say")).await;
    assert_eq!((text(&outcome.stdout.head), text(&outcome.stderr.head)), ("out\n".into(), "err\n".into()));
    assert!(outcome.stdout.complete && outcome.stderr.complete);
    assert!(outcome.wall < SOON);
}

#[tokio::test]
async fn codes_and_signals_are_told_apart() {
    let code = Command::new(&fake()).literal("exit").positional("code", "37").expect("a number");
    assert_eq!(run(code).await.exit, Exit::Code(37));
    let signal = run(Fake::new().command("signal")).await;
    assert_eq!((signal.exit, signal.ended), (Exit::Signal(6), Ended::Exited));
    assert!(!signal.success());
}

#[tokio::test]
async fn the_environment_is_an_allow_list() {
    // Cargo sets this one for every test, so it is there to be withheld.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let outcome = run(Command::new(&fake()).literal("env").env("KUBECONFIG", "/k").expect("a path")).await;
    let all = text(&outcome.stdout.head);
    let mut names: Vec<&str> = all.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.retain(|name| !["HOME", "TMPDIR", "TZ"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["AGENT_TOOLS_CALL", "KUBECONFIG", "LANG", "LC_ALL", "PATH"]);
    assert!(all.contains("LC_ALL=C.UTF-8\n") && all.contains("KUBECONFIG=/k\n"));

    let inherited = run(Command::new(&fake()).literal("env").inherit(&["CARGO_MANIFEST_DIR"])).await;
    assert!(text(&inherited.stdout.head).contains("CARGO_MANIFEST_DIR="));
}

#[tokio::test]
async fn stdin_is_empty_unless_given() {
    assert_eq!(text(&run(Fake::new().command("read-stdin")).await.stdout.head), "0\n");
    // More than a pipe holds, so that writing has to go on while the child runs.
    let given = run(Fake::new().command("read-stdin").stdin(vec![b'x'; 3 << 20])).await;
    assert_eq!(text(&given.stdout.head), "3145728\n");
}

#[tokio::test]
async fn input_that_is_not_read_is_no_error() {
    let outcome = run(Fake::new().command("ignore-stdin").stdin(vec![b'x'; 3 << 20])).await;
    assert_eq!(text(&outcome.stdout.head), "not reading\n");
    assert!(outcome.success());
}

#[tokio::test]
async fn there_is_no_terminal_to_prompt_on() {
    let outcome = run(Fake::new().command("terminal")).await;
    assert!(text(&outcome.stdout.head).starts_with("no terminal"), "{outcome:?}");
    // Where the tests themselves have no terminal, only this tells: the leader of a new session has none.
    let outcome = run(Fake::new().command("session")).await;
    assert_eq!(text(&outcome.stdout.head), "true\n");
}

#[tokio::test]
async fn the_directory_is_the_one_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = run(Fake::new().command("directory").directory(directory.path())).await;
    let expected = directory.path().canonicalize().expect("it exists");
    assert_eq!(text(&outcome.stdout.head).trim_end(), expected.to_string_lossy());
    let missing = directory.path().join("missing");
    let error = Fake::new().command("directory").directory(missing).run(&CancellationToken::new()).await;
    assert_eq!(error.expect_err("no directory").code(), Code::NotFound);
}

#[tokio::test]
async fn invalid_utf8_is_kept_as_it_is() {
    let outcome = run(Fake::new().command("invalid-utf8")).await;
    assert_eq!((outcome.stdout.head.as_slice(), outcome.stdout.lines), (&b"a\xff\xfe\xc3\nb\n"[..], 2));
}

#[tokio::test]
async fn lines_are_seen_before_anything_is_limited() {
    let mut seen = 0_u64;
    let command = Command::new(&fake()).literal("flood").positional("mebibytes", "3").expect("a number");
    let outcome = run(command.stdout(Capture::lines(10, |line| {
        assert_eq!((line.bytes.len(), line.omitted), (10, 53));
        seen += 1;
    })))
    .await;
    assert_eq!((outcome.stdout.bytes, outcome.stdout.lines), (3 << 20, 3 << 14));
    assert_eq!((outcome.stderr.bytes, outcome.stderr.lines), (3 << 20, 3 << 14));
    assert_eq!(seen, 3 << 14);
}

#[tokio::test]
async fn whole_output_that_is_too_large_ends_the_call() {
    let program = fake();
    let flood = || Command::new(&program).literal("flood").positional("mebibytes", "100000").expect("a number");
    for command in [flood().stdout(Capture::Whole { max: 1 << 20 }), flood().stderr(Capture::Whole { max: 1 << 20 })] {
        let error = command.run(&CancellationToken::new()).await.expect_err("too much");
        assert_eq!(error.code(), Code::TooLarge);
        assert!(error.message().contains("1048576"), "{error}");
    }
}

#[tokio::test]
async fn a_timeout_gives_what_was_said_until_then() {
    let outcome = run(Fake::new().command("say-and-hang").timeout(Duration::from_millis(700))).await;
    assert_eq!((outcome.ended, outcome.exit), (Ended::TimedOut, Exit::Signal(9)));
    assert_eq!(text(&outcome.stdout.head), "out before the end\n");
    let error = outcome.finished().expect_err("it did not finish");
    assert_eq!((error.code(), error.said()), (Code::Timeout, Some("err before the end")));
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("tool");
    // The C library would run this with a shell.
    std::fs::write(&file, "touch \"$0.was-run\"\n").expect("write");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    let program = Program::at(&file).expect("it looks executable");
    let error = Command::new(&program).run(&CancellationToken::new()).await.expect_err("no format");
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("neither a binary nor a script"), "{error}");
    assert!(!directory.path().join("tool.was-run").exists());

    std::fs::write(&file, "#!/no/such/interpreter\n").expect("write");
    let error = Command::new(&program).run(&CancellationToken::new()).await.expect_err("no interpreter");
    assert!(error.message().starts_with("tool could not be started"), "{error}");

    std::fs::remove_file(&file).expect("remove");
    let error = Command::new(&program).run(&CancellationToken::new()).await.expect_err("gone");
    assert_eq!(error.code(), Code::Unavailable);

    let long = "x".repeat(4 << 20);
    let command = Command::new(&fake()).literal("args").positional("name", &long).expect("only long");
    let error = command.run(&CancellationToken::new()).await.expect_err("too long");
    assert_eq!(error.code(), Code::TooLarge);
}

#[tokio::test]
async fn debug_shows_no_secrets() {
    let command = Fake::new().command("env").env("TOKEN", "hunter2").expect("text").stdin("hunter2");
    assert!(!format!("{command:?}").contains("hunter2"));
}
