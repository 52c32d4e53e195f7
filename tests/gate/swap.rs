//! Metadata exchanged while the gate looks at it: whatever is opened was judged.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::Lab;
use mcp_git::gate::Opened;

/// Exchanges `file` between two contents while it is opened again and again.
fn while_swapping(lab: &Lab, repo: &Path, file: &Path, contents: [&str; 2], check: impl Fn(&Opened)) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0_u64.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let next = lab.top().join("next");
                fs::write(&next, contents[usize::from(n % 2 == 1)]).unwrap();
                fs::rename(&next, file).unwrap();
                std::thread::sleep(Duration::from_micros(100 * (n % 40)));
            }
        });
        // A failed check must end the other thread too.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(3) {
                if let Ok(opened) = lab.open(repo) {
                    check(&opened);
                }
            }
        }));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn working_tree() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let repo = lab.inner();
    let config = repo.join(".git/config");
    let good = fs::read_to_string(&config).unwrap();
    let evil = format!("{good}[core]\n\tworktree = {}\n", secret.display());
    while_swapping(&lab, &repo, &config, [&good, &evil], |opened| {
        assert_eq!(opened.repo.workdir().unwrap(), repo);
    });
}

#[test]
fn alternates() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let id = git2::Oid::from_str(lab.git(&secret, &["rev-parse", "HEAD"]).trim()).unwrap();
    let repo = lab.inner();
    let file = repo.join(".git/objects/info/alternates");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let evil = format!("{}\n", secret.join(".git/objects").display());
    while_swapping(&lab, &repo, &file, ["", &evil], |opened| {
        assert!(opened.repo.find_commit(id).is_err(), "an object from outside is read");
    });
}
