//! A name that changes its meaning all the time must never open what lies outside.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

const ROUNDS: usize = 2000;
/// More rounds are run until both outcomes have been seen, up to this many.
const MOST: usize = 200_000;

/// Exchanges `ws/one` and `ws/two` without pause while `input` is resolved and read.
fn race(t: &Fixture, input: &str) {
    let stop = AtomicBool::new(false);
    let (one, two) = (t.path("ws/one"), t.path("ws/two"));
    let (mut read, mut refused, mut rounds) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &two, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while rounds < ROUNDS || (rounds < MOST && (read == 0 || refused == 0)) {
                rounds += 1;
                match t.ws.resolve("cwd", input).and_then(|found| found.open_file()) {
                    Ok(mut file) => {
                        let mut text = String::new();
                        file.read_to_string(&mut text).unwrap();
                        assert_eq!(text, "inside", "{}: {input} was read outside in round {rounds}", t.mode);
                        read += 1;
                    }
                    Err(error) => {
                        let expected = matches!(error.code(), Code::Forbidden | Code::Conflict | Code::NotFound);
                        assert!(expected, "{}: {input}: {error}", t.mode);
                        refused += 1;
                    }
                }
            }
        }));
        stop.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert!(read > 0 && refused > 0, "{}: {input}: the race did not happen: {read} read, {refused} refused", t.mode);
}

#[test]
fn a_link_swapped_between_inside_and_outside() {
    each(|t| {
        t.link("a", "ws/one");
        t.link("../outside", "ws/two");
        race(t, "one/f");
    });
    each(|t| {
        t.link(t.path("ws/a"), "ws/one");
        t.link(t.path("outside"), "ws/two");
        race(t, "one/f");
    });
}

#[test]
fn a_directory_swapped_with_a_link_outside() {
    each(|t| {
        std::fs::create_dir(t.path("ws/one")).unwrap();
        std::fs::write(t.path("ws/one/f"), "inside").unwrap();
        t.link(t.path("outside"), "ws/two");
        race(t, "one/f");
        race(t, &t.absolute("ws/one/f"));
    });
}

#[test]
fn a_file_swapped_with_a_link_outside() {
    each(|t| {
        std::fs::write(t.path("ws/one"), "inside").unwrap();
        t.link(t.path("outside/f"), "ws/two");
        race(t, "one");
    });
}

#[test]
fn a_directory_swapped_while_going_up_through_it() {
    each(|t| {
        std::fs::create_dir_all(t.path("ws/one/deep/er")).unwrap();
        std::fs::write(t.path("ws/one/f"), "inside").unwrap();
        std::fs::create_dir_all(t.path("outside/deep/er")).unwrap();
        t.link(t.path("outside"), "ws/two");
        race(t, "one/deep/er/../../f");
    });
}

#[test]
fn creating_while_the_directory_is_swapped() {
    each(|t| {
        std::fs::create_dir(t.path("ws/one")).unwrap();
        t.link(t.path("outside"), "ws/two");
        let stop = AtomicBool::new(false);
        let (one, two) = (t.path("ws/one"), t.path("ws/two"));
        let (mut made, mut rounds) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &two, RenameFlags::EXCHANGE).unwrap();
                }
            });
            while rounds < ROUNDS || (rounds < MOST && made == 0) {
                rounds += 1;
                let Ok(place) = t.ws.resolve_new("dir", &format!("one/new{rounds}")) else {
                    continue;
                };
                if let Ok(created) = place.create_dir() {
                    created.keep();
                    made += 1;
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        let outside: Vec<_> =
            std::fs::read_dir(t.path("outside")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(outside, ["f"], "{}: something was made outside", t.mode);
        assert!(made > 0, "{}: nothing was made at all", t.mode);
    });
}
