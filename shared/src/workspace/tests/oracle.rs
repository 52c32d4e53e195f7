//! Random paths through random trees, compared with what the standard library makes of them.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::*;

/// Names are drawn from these, so that paths often meet what was made. None is the name of a directory on the way to
/// the workspace: a path that climbs out cannot find back in by accident, which the standard library would allow.
const NAMES: [&str; 5] = ["p", "q", "r", "s", "t"];

#[derive(Clone, Debug)]
enum Make {
    Dir(Vec<usize>),
    File(Vec<usize>),
    Relative(Vec<usize>, String),
    Absolute(Vec<usize>, String),
    Outward(Vec<usize>, usize),
}

fn place() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..NAMES.len(), 1..4)
}

fn walkable() -> impl Strategy<Value = String> {
    let component = prop_oneof![6 => prop::sample::select(&NAMES[..]), 2 => Just(".."), 1 => Just("."), 1 => Just("")];
    (prop::collection::vec(component, 1..7), any::<bool>()).prop_map(|(names, slash)| {
        let path = names.join("/");
        let path = path.trim_start_matches('/').to_owned();
        if slash { format!("{path}/") } else { path }
    })
}

fn make() -> impl Strategy<Value = Make> {
    prop_oneof![
        3 => place().prop_map(Make::Dir),
        2 => place().prop_map(Make::File),
        3 => (place(), walkable()).prop_map(|(at, to)| Make::Relative(at, to)),
        2 => (place(), walkable()).prop_map(|(at, to)| Make::Absolute(at, to)),
        2 => (place(), 0..4_usize).prop_map(|(at, to)| Make::Outward(at, to)),
    ]
}

fn build(t: &Fixture, steps: &[Make]) {
    let at = |names: &[usize]| names.iter().fold(t.path("ws"), |path, name| path.join(NAMES[*name]));
    t.link(t.path("ws"), "outside/back");
    std::fs::create_dir(t.path("outside/p")).unwrap();
    std::fs::write(t.path("outside/p/q"), "outside").unwrap();
    for step in steps {
        // Most of it works out; what does not (a parent that is a file) only makes the tree smaller.
        let names = match step {
            Make::Dir(names)
            | Make::File(names)
            | Make::Relative(names, _)
            | Make::Absolute(names, _)
            | Make::Outward(names, _) => names,
        };
        let path = at(names);
        let parent = path.parent().unwrap();
        // Only through real directories: the tree is built inside.
        if !parent.canonicalize().is_ok_and(|real| real.starts_with(t.path("ws"))) {
            continue;
        }
        let _ = match step {
            Make::Dir(_) => std::fs::create_dir(&path),
            Make::File(_) => std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map(drop),
            Make::Relative(_, to) if to.is_empty() => Ok(()),
            Make::Relative(_, to) => symlink(to, &path),
            Make::Absolute(_, to) => symlink(format!("{}/{to}", t.absolute("ws")), &path),
            Make::Outward(_, to) => {
                let targets =
                    [t.path("outside"), t.path("outside/back"), t.path("outside/p/nothing"), t.path("ws-evil")];
                symlink(&targets[*to], &path)
            }
        };
    }
}

/// What happened in one comparison, so that the test can tell it saw all of it.
#[derive(Default)]
struct Seen {
    inside: usize,
    outside: usize,
    missing: usize,
}

fn compare(t: &Fixture, input: &str, seen: &mut Seen) -> Result<(), TestCaseError> {
    let asked = if input.starts_with('/') { PathBuf::from(input) } else { t.path("ws").join(input) };
    // Joining strips nothing, but canonicalize of `x/` on a file succeeds in no libc, so it is asked as written.
    let oracle = std::fs::canonicalize(&asked);
    let ours = t.ws.resolve("cwd", input);
    match (&oracle, &ours) {
        (Ok(real), Ok(found)) => {
            prop_assert!(real.starts_with(t.path("ws")), "{}: {input:?} is {real:?}, outside", t.mode);
            prop_assert_eq!(&found.absolute().unwrap(), real, "{}: {:?}", t.mode, input);
            prop_assert!(found.same_object_as(real));
            seen.inside += 1;
        }
        (Ok(real), Err(error)) => {
            prop_assert!(!real.starts_with(t.path("ws")), "{}: {input:?} is {real:?}, refused: {error}", t.mode);
            prop_assert_eq!(error.code(), Code::Forbidden, "{}: {:?}: {}", t.mode, input, error);
            seen.outside += 1;
        }
        (Err(error), Ok(found)) => {
            prop_assert!(false, "{}: {input:?} does not resolve ({error}), found {}", t.mode, found.display());
        }
        (Err(real), Err(ours)) => {
            let expected = match real.kind() {
                ErrorKind::NotFound => Code::NotFound,
                _ => Code::InvalidArgument,
            };
            let fits = ours.code() == expected || ours.code() == Code::Forbidden;
            prop_assert!(fits, "{}: {input:?}: {real} but {ours}", t.mode);
            seen.missing += 1;
        }
    }
    Ok(())
}

#[test]
fn agrees_with_the_standard_library() {
    for (mode, resolver, proc) in MODES {
        let seen = std::cell::RefCell::new(Seen::default());
        let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
        let inputs = prop::collection::vec((walkable(), 0..4_u8), 48);
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let outcome = runner.run(&(prop::collection::vec(make(), 4..24), inputs), |(steps, inputs)| {
            let Some(t) = Fixture::new(mode, resolver, proc) else {
                return Ok(());
            };
            build(&t, &steps);
            for (input, kind) in &inputs {
                let input = match kind {
                    0 => format!("{}/{input}", t.absolute("ws")),
                    1 => format!("{}/{input}", t.absolute("outside/back")),
                    _ => input.clone(),
                };
                compare(&t, &input, &mut seen.borrow_mut())?;
            }
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        let seen = seen.into_inner();
        println!("{mode}: {} inside, {} outside, {} missing", seen.inside, seen.outside, seen.missing);
        let ran = seen.inside + seen.outside + seen.missing > 0;
        assert!(!ran || (seen.inside > 30 && seen.outside > 30 && seen.missing > 30), "{mode}: the tree is too plain");
    }
}
