//! In a process of its own, because the zombies of other tests would be counted.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

#[expect(dead_code, reason = "each test binary uses a part")]
mod common;

use common::{Fake, zombies};
use shared::exec::CancellationToken;

#[tokio::test]
async fn three_hundred_calls_leave_no_zombie() {
    for at in 0..300 {
        let fake = Fake::new();
        let mode = if at % 10 == 0 { "daemon" } else { "say" };
        let outcome = fake.command(mode).run(&CancellationToken::new()).await.expect("an outcome");
        assert!(outcome.success(), "{outcome:?}");
        assert_eq!(zombies(), [""; 0]);
    }
}
