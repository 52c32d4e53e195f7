//! Nothing of a call is left, however it ended and whatever its processes did to get away.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

mod common;

use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Fake, SOON, exists, fake, zombies};
use shared::exec::{CancellationToken, Command, Ended, Exit};

/// Cancels once `count` processes have noted themselves, checks that the answer comes within a second of that and that
/// none is left when it has come.
async fn cancelled(mode: &'static str, count: usize) -> Fake {
    let fake = Fake::new();
    let cancel = CancellationToken::new();
    let call = tokio::spawn({
        let (command, cancel) = (fake.command(mode), cancel.clone());
        async move { command.run(&cancel).await }
    });
    fake.wait_for(count).await;
    let begin = Instant::now();
    cancel.cancel();
    let outcome = call.await.expect("no panic").expect("an outcome");
    let took = begin.elapsed();
    assert_eq!((outcome.ended, outcome.exit), (Ended::Cancelled, Exit::Signal(9)));
    fake.assert_nothing_left(count);
    assert!(took < Duration::from_secs(1), "cancelling took {took:?}");
    fake
}

#[tokio::test]
async fn cancelling_kills_grandchildren() {
    cancelled("fork", 3).await;
}

#[tokio::test]
async fn cancelling_kills_what_ignores_signals() {
    cancelled("ignore-signals", 1).await;
}

#[tokio::test]
async fn cancelling_kills_daemons() {
    cancelled("daemon-hang", 3).await;
}

#[tokio::test]
async fn cancelling_kills_what_closed_its_output() {
    cancelled("close-and-hang", 1).await;
}

#[tokio::test]
async fn a_timeout_kills_the_tree_too() {
    for (mode, count) in [("fork", 3), ("daemon-hang", 3), ("ignore-signals", 1), ("close-and-hang", 1)] {
        let fake = Fake::new();
        let outcome = fake.command(mode).timeout(Duration::from_secs(1)).run(&CancellationToken::new()).await;
        assert_eq!(outcome.expect("an outcome").ended, Ended::TimedOut, "{mode}");
        fake.assert_nothing_left(count);
    }
}

#[tokio::test]
async fn dropping_the_future_kills_the_tree() {
    for (mode, count) in [("fork", 3), ("daemon-hang", 3)] {
        let fake = Fake::new();
        let never = CancellationToken::new();
        {
            let mut call = std::pin::pin!(fake.command(mode).run(&never));
            tokio::select! {
                outcome = &mut call => panic!("{outcome:?}"),
                _ = fake.wait_for(count) => {}
            }
        }
        fake.wait_until_nothing_left(count).await;
    }
}

#[tokio::test]
async fn a_background_process_with_the_pipe_delays_nothing_and_is_killed() {
    let fake = Fake::new();
    let outcome = fake.command("hold-pipe").run(&CancellationToken::new()).await.expect("an outcome");
    assert_eq!((outcome.ended, outcome.exit), (Ended::Exited, Exit::Code(0)));
    assert_eq!(outcome.stdout.head, b"done\n");
    assert!(outcome.stdout.complete, "with its holder dead the pipe has ended");
    assert!(outcome.wall < Duration::from_secs(5), "{:?}", outcome.wall);
    fake.assert_nothing_left(1);
}

#[tokio::test]
async fn daemons_left_behind_are_killed() {
    for mode in ["daemon", "daemon-clean"] {
        let fake = Fake::new();
        let outcome = fake.command(mode).run(&CancellationToken::new()).await.expect("an outcome");
        assert_eq!(outcome.exit, Exit::Code(0), "{mode}: {}", outcome.stderr_end());
        fake.wait_until_nothing_left(2).await;
    }
}

#[tokio::test]
async fn a_chain_that_always_moves_on_is_caught() {
    let fake = Fake::new();
    let outcome = fake.command("chain").run(&CancellationToken::new()).await.expect("an outcome");
    assert_eq!(outcome.ended, Ended::Exited);
    let before = fake.noted().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fake.noted().len(), before, "the chain goes on");
    fake.assert_nothing_left(1);
}

#[tokio::test]
async fn orphans_that_end_during_a_call_are_collected() {
    let fake = Fake::new();
    let never = CancellationToken::new();
    let command = fake.command("litter").positional("count", "20").expect("a number");
    let mut call = std::pin::pin!(command.run(&never));
    let watch = async {
        fake.wait_for(21).await;
        let begin = Instant::now();
        while fake.left().len() > 1 {
            assert!(begin.elapsed() < SOON, "zombies stay: {:?}", fake.left());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        outcome = &mut call => panic!("{outcome:?}"),
        () = watch => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_the_same_time_do_not_harm_each_other() {
    const MODES: [(&str, usize); 4] = [("fork", 3), ("daemon-hang", 3), ("daemon", 2), ("say", 0)];
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(64));
    let calls: Vec<_> = (0..64_usize)
        .map(|at| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                let fake = Fake::new();
                let cancel = CancellationToken::new();
                let (mode, count) = MODES[at % MODES.len()];
                // Boxed, so that giving it away does drop it.
                let mut call = Box::pin(fake.command(mode).run(&cancel));
                barrier.wait().await;
                if count < 3 {
                    // These run to their end while others are killed around them.
                    let outcome = call.await.expect("an outcome");
                    assert_eq!((outcome.ended, outcome.exit), (Ended::Exited, Exit::Code(0)), "{mode}");
                    fake.wait_until_nothing_left(count).await;
                    return;
                }
                tokio::select! {
                    outcome = &mut call => panic!("{mode} was harmed: {outcome:?}"),
                    _ = fake.wait_for(count) => {}
                }
                // A third is ended early, in two ways; the others have to be whole a while later.
                match at % 3 {
                    0 => cancel.cancel(),
                    1 => {
                        let wait = tokio::time::sleep(Duration::from_secs(2));
                        tokio::select! {
                            outcome = &mut call => panic!("{mode} was harmed: {outcome:?}"),
                            () = wait => {}
                        }
                        assert_eq!(fake.left().len(), fake.noted().len(), "{mode} lost processes");
                        cancel.cancel();
                    }
                    _ => {
                        let drop_it = tokio::time::timeout(Duration::from_millis(at as u64), call);
                        assert!(drop_it.await.is_err(), "{mode} was harmed");
                        fake.wait_until_nothing_left(count).await;
                        return;
                    }
                }
                assert_eq!(call.await.expect("an outcome").ended, Ended::Cancelled);
                fake.assert_nothing_left(count);
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no call was harmed");
    }
}

#[tokio::test]
async fn a_call_outlives_the_runtime_thread_that_asked_for_it() {
    // The parent-death signal follows the thread that forked: were it this one, the child would die with it.
    let fake = Fake::new();
    let command = fake.command("hang");
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let cancel = CancellationToken::new();
    let child = cancel.clone();
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || {
        handle.block_on(async move {
            let mut call = Box::pin(async move { command.run(&child).await });
            let _ = tokio::time::timeout(Duration::from_millis(500), &mut call).await;
            let _ = sender.send(call);
        });
    });
    let call = receiver.await.expect("the call goes on");
    tokio::task::spawn_blocking(|| thread.join()).await.expect("join").expect("no panic");
    fake.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fake.left().len(), 1, "the child died with the thread");
    cancel.cancel();
    assert_eq!(call.await.expect("an outcome").ended, Ended::Cancelled);
}

/// The server that the following tests kill.
fn server(fake: &Fake, mode: &str) -> std::process::Command {
    let mut server = std::process::Command::new(env!("CARGO_BIN_EXE_fake-server"));
    server.arg(env!("CARGO_BIN_EXE_fake-program")).arg(mode).env("PIDS", fake.file()).stdout(Stdio::piped());
    server
}

#[tokio::test]
async fn a_server_that_is_killed_outright_leaves_no_child() {
    let fake = Fake::new();
    let mut server = server(&fake, "hang").spawn().expect("the server starts");
    let noted = fake.wait_for(1).await;
    assert!(exists(noted[0].1));
    server.kill().expect("SIGKILL");
    server.wait().expect("it is dead");
    let begin = Instant::now();
    while running(noted[0].1) {
        assert!(begin.elapsed() < SOON, "the child goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether it still runs: a zombie waits only for whoever adopted it.
fn running(pid: u32) -> bool {
    exists(pid) && !zombies().iter().any(|stat| stat.starts_with(&format!("{pid} ")))
}

#[tokio::test]
async fn a_server_that_shuts_down_leaves_nothing() {
    let fake = Fake::new();
    let output = tokio::task::spawn_blocking({
        let mut server = server(&fake, "daemon-hang");
        server.arg("shutdown");
        move || server.output()
    });
    let output = output.await.expect("no panic").expect("the server ran");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("clean: true") && text.contains("refused: true"), "{text}");
    fake.wait_until_nothing_left(2).await;
}

#[tokio::test]
async fn a_server_below_a_call_is_part_of_the_call() {
    // The inner server dies first and leaves daemons that carry its mark; they are still the outer call's.
    let fake = Fake::new();
    let cancel = CancellationToken::new();
    let program = shared::exec::Program::at(env!("CARGO_BIN_EXE_fake-server")).expect("cargo has built it");
    let command = Command::new(&program)
        .literal(env!("CARGO_BIN_EXE_fake-program"))
        .literal("daemon-hang")
        .env("PIDS", fake.file())
        .expect("a path");
    let mut call = std::pin::pin!(command.run(&cancel));
    tokio::select! {
        outcome = &mut call => panic!("{outcome:?}"),
        _ = fake.wait_for(3) => {}
    }
    cancel.cancel();
    assert_eq!(call.await.expect("an outcome").ended, Ended::Cancelled);
    fake.assert_nothing_left(3);
}

#[tokio::test]
async fn what_others_started_is_left_alone() {
    let mut foreign = std::process::Command::new(env!("CARGO_BIN_EXE_fake-program"))
        .arg("hang")
        .spawn()
        .expect("a process that is not of this library");
    cancelled("daemon-hang", 3).await;
    assert!(foreign.try_wait().expect("still ours to wait for").is_none(), "it was killed");
    foreign.kill().expect("kill");
    let status = foreign.wait().expect("its status was not taken away");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
}

#[tokio::test]
async fn whenever_a_call_is_cancelled_nothing_is_left() {
    // From before the start over the start itself to well after it.
    for step in 0..60_u64 {
        let fake = Fake::new();
        let cancel = CancellationToken::new();
        let later = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(step * 150));
            later.cancel();
        });
        if let Ok(outcome) = fake.command("daemon-hang").run(&cancel).await {
            assert_eq!(outcome.ended, Ended::Cancelled);
        }
        let noted = fake.noted();
        assert_eq!(fake.left(), [], "of {noted:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(fake.noted(), noted, "something began its work after the answer");
    }
}

#[tokio::test]
async fn a_child_that_has_begun_counts_as_started() {
    let fake = Fake::new();
    let cancel = CancellationToken::new();
    let mut call = std::pin::pin!(fake.command("hang").run(&cancel));
    assert!(tokio::time::timeout(Duration::ZERO, &mut call).await.is_err(), "the start was asked for");
    // The runtime stands still meanwhile, so the call does not hear that its child has started.
    let begin = Instant::now();
    while fake.noted().is_empty() && begin.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(5));
    }
    cancel.cancel();
    assert_eq!(call.await.expect("an outcome").ended, Ended::Cancelled);
    fake.assert_nothing_left(1);
}

#[tokio::test]
async fn cancelled_before_the_start_is_an_error() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = Command::new(&fake()).literal("hang").run(&cancel).await.expect_err("not started");
    assert_eq!(error.code(), shared::Code::Cancelled);
}
