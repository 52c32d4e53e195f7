//! Ending something at one moment after another. The tests of two packages stand on this file.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// What is ended.
pub trait Victim {
    /// Waits until it has done what it does, which has to succeed.
    fn finish(&mut self);
    /// Whether it has done what it does.
    fn is_done(&mut self) -> bool;
    /// The process that does it.
    fn process(&mut self) -> &mut Child;
}

/// A process that ends when it is done.
impl Victim for Child {
    fn finish(&mut self) {
        assert!(self.wait().expect("wait").success(), "it does not work undisturbed");
    }

    fn is_done(&mut self) -> bool {
        self.try_wait().expect("wait").is_some()
    }

    fn process(&mut self) -> &mut Child {
        self
    }
}

/// Lets it happen whole once to know how long it takes, then again `rounds` times, each sent `signal` at another moment of that time. `prepare`
/// makes the world as before, `start` begins in it, and `check` looks at what has become of it.
pub fn ended<W, V: Victim>(
    rounds: u32,
    signal: Signal,
    prepare: impl Fn() -> W,
    start: impl Fn(&W) -> V,
    check: impl Fn(&W),
) {
    let whole = prepare();
    let begun = Instant::now();
    let mut victim = start(&whole);
    victim.finish();
    let time = begun.elapsed();
    stop(&mut victim, signal);
    let (mut early, mut late) = (0, 0);
    for round in 0..rounds {
        let world = prepare();
        let mut victim = start(&world);
        std::thread::sleep(time * round / rounds);
        if victim.is_done() {
            late += 1;
        } else {
            early += 1;
        }
        stop(&mut victim, signal);
        check(&world);
    }
    assert!(early > 0, "{early} were ended early, {late} had ended: nothing was tested");
}

fn stop(victim: &mut impl Victim, signal: Signal) {
    let process = victim.process();
    if process.try_wait().expect("wait").is_some() {
        return;
    }
    let id = Pid::from_raw(process.id().cast_signed()).expect("a process");
    kill_process(id, signal).expect("a signal");
    let sent = Instant::now();
    while process.try_wait().expect("wait").is_none() {
        if sent.elapsed() > Duration::from_secs(60) {
            process.kill().expect("a signal");
            panic!("it did not end when it was sent {signal:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
