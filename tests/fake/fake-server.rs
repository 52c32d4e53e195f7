//! A server that makes one call of `fake-program` (the first argument is its path, the second the mode) and reports how
//! it went. Tests kill it, or run it below another call.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test that meets what it did not expect fails")]

use std::time::Duration;

use shared::exec::{CancellationToken, Command, Program, shutdown};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let program = Program::at(arguments.next().unwrap_or_default()).expect("the first argument is a program");
    let mode = arguments.next().unwrap_or_default();
    let call = Command::new(&program).positional("mode", &mode).expect("a mode").inherit(&["PIDS"]);
    let call = call.timeout(Duration::from_secs(100));
    if arguments.next().as_deref() == Some("shutdown") {
        let task = tokio::spawn(async move { call.run(&CancellationToken::new()).await });
        let file = std::env::var_os("PIDS").expect("PIDS names a file");
        while std::fs::read_to_string(&file).unwrap_or_default().lines().count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let clean = shutdown(Duration::from_secs(10));
        println!("clean: {clean}, ended: {:?}", task.await.map(|outcome| outcome.map(|outcome| outcome.exit)));
        let refused = Command::new(&program).literal("say").run(&CancellationToken::new()).await;
        println!("refused: {}", refused.is_err());
        return;
    }
    println!("{:?}", call.run(&CancellationToken::new()).await.map(|outcome| outcome.exit));
}
