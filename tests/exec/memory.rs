//! In a process of its own, because its memory is measured.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

#[expect(dead_code, reason = "each test binary uses a part")]
mod common;

use std::time::Duration;

use common::fake;
use shared::exec::{CancellationToken, Capture, Command};

/// The largest memory this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn gigabytes_leave_memory_bounded() {
    let bounds = Capture::HeadTail { head: 100 << 10, tail: 100 << 10 };
    let flood = |mode, count| Command::new(&fake()).literal(mode).positional("mebibytes", count).expect("a number");
    // What a call needs in any case is not part of the question.
    flood("flood", "1").run(&CancellationToken::new()).await.expect("an outcome");
    let before = peak();

    let call = flood("flood", "1024").stdout(bounds).timeout(Duration::from_secs(300));
    let outcome = call.run(&CancellationToken::new()).await.expect("an outcome");
    assert!(outcome.success(), "{:?}", outcome.ended);
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert_eq!((stream.bytes, stream.lines), (1 << 30, 1 << 24));
    }
    assert_eq!((outcome.stdout.head.len(), outcome.stdout.tail.len()), (100 << 10, 100 << 10));

    // One line without end, into a sink.
    let mut seen = Vec::new();
    let call = flood("flood-line", "200").timeout(Duration::from_secs(300));
    let sink = Capture::lines(1000, |line| seen.push((line.bytes.len(), line.omitted)));
    call.stdout(sink).run(&CancellationToken::new()).await.expect("an outcome");
    assert_eq!(seen, [(1000, (200 << 20) - 1000)]);

    let grown = peak() - before;
    assert!(grown < 4 << 10, "memory grew by {grown} KiB");
}
