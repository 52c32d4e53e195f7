use std::time::Instant;

use super::*;

/// A log of GitHub Actions: the mark at its start, and a time before each line.
fn github(text: &str) -> Vec<u8> {
    let mut log = String::from("\u{feff}");
    for (number, line) in text.trim_start_matches('\n').lines().enumerate() {
        log.push_str(&format!("2024-05-01T10:00:{:02}.{:07}Z {line}\n", number / 60 % 60, number));
    }
    log.into_bytes()
}

fn step(title: &str, output: &str) -> String {
    format!("##[group]Run {title}\n\x1b[36;1m{title}\x1b[0m\nshell: /usr/bin/bash -e {{0}}\n##[endgroup]\n{output}")
}

/// The excerpt and, of its lines, the one that is the error.
fn seen(log: &[u8]) -> (Excerpt, String) {
    let excerpt = excerpt(log, 40);
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    let raw = excerpt.error_line.map_or(&b""[..], |line| lines[line as usize - 1]);
    let error = line::shown(line::visible(line::untimed(raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw))));
    (excerpt, error.unwrap_or_default())
}

const RUST: &str = "   Compiling app v0.1.0 (/home/x/app)
\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: unused variable: `error`\x1b[0m
\x1b[1m\x1b[38;5;9merror[E0308]\x1b[0m\x1b[1m: mismatched types\x1b[0m
 --> src/lib.rs:3:5
  |
3 |     \"a\"
  |     ^^^ expected `u32`, found `&str`

error[E0425]: cannot find value `x` in this scope
error: could not compile `app` (lib) due to 2 previous errors; 1 warning emitted
##[error]Process completed with exit code 101.";

const RUST_TEST: &str = "running 2 tests
test tests::parse_error ... ok
test tests::adds ... FAILED

failures:

---- tests::adds stdout ----

thread 'tests::adds' panicked at src/lib.rs:12:9:
assertion `left == right` failed
  left: 3
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::adds

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
##[error]Process completed with exit code 101.";

const GO: &str = "go: downloading example.com/errors v0.9.1
ok  \texample.com/app/errors\t0.012s
# example.com/app/server
server/main.go:10:2: undefined: handler
server/main.go:14:7: too many errors
FAIL\texample.com/app/server [build failed]
FAIL
##[error]Process completed with exit code 1.";

const GO_TEST: &str = "=== RUN   TestFail
--- PASS: TestFail (0.00s)
=== RUN   TestAdd
    add_test.go:9: got 3, want 4
--- FAIL: TestAdd (0.00s)
FAIL
FAIL\texample.com/app\t0.003s
##[error]Process completed with exit code 1.";

const PYTEST: &str = "============================= test session starts ==============================
collected 3 items

tests/test_error.py::test_error PASSED                                   [ 33%]
tests/test_a.py::test_add FAILED                                         [ 66%]
tests/test_a.py::test_fail PASSED                                        [100%]

=================================== FAILURES ===================================
___________________________________ test_add ___________________________________

    def test_add():
>       assert add(1, 2) == 4
E       assert 3 == 4
E        +  where 3 = add(1, 2)

tests/test_a.py:5: AssertionError
=========================== short test summary info ============================
FAILED tests/test_a.py::test_add - assert 3 == 4
========================= 1 failed, 2 passed in 0.03s ==========================
##[error]Process completed with exit code 1.";

const JEST: &str = "
> app@1.0.0 test
> jest --fail-on-error

PASS src/error.test.js
FAIL src/sum.test.js
  ✓ throws error: bad input (1 ms)
  ✕ adds (3 ms)

  ● sum › adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 4
    Received: 3

Tests:       1 failed, 4 passed, 5 total
##[error]Process completed with exit code 1.";

const TSC: &str = "Found 0 errors in the cache.
##[error]src/a.ts(3,5): error TS2304: Cannot find name 'x'.
##[error]src/b.ts(9,1): error TS2322: Type 'string' is not assignable to type 'number'.
##[error]Process completed with exit code 2.";

const MAVEN: &str = "[INFO] Scanning for projects...
[INFO] --- surefire:3.1.2:test (default-test) @ app ---
[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s - in com.x.ErrorTest
[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.2 s <<< FAILURE! - in com.x.FooTest
[ERROR] com.x.FooTest.adds  Time elapsed: 0.01 s  <<< FAILURE!
org.opentest4j.AssertionFailedError: expected: <4> but was: <3>
\tat com.x.FooTest.adds(FooTest.java:12)

[INFO] BUILD FAILURE
[ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.1.2:test (default-test) on project app
##[error]Process completed with exit code 1.";

const DOCKER: &str = "#11 [4/6] COPY package.json .
#11 DONE 0.1s
#12 [5/6] RUN npm ci
#12 0.412 npm WARN deprecated error@1.0.0: use errors
#12 4.512 npm ERR! code E404
#12 4.513 npm ERR! 404 Not Found - GET https://registry.example/left-pad
#12 ERROR: process \"/bin/sh -c npm ci\" did not complete successfully: exit code: 1
------
 > [5/6] RUN npm ci:
------
ERROR: failed to solve: process \"/bin/sh -c npm ci\" did not complete successfully: exit code: 1
##[error]buildx failed with: ERROR: failed to solve: process \"/bin/sh -c npm ci\" did not complete successfully: exit code: 1";

const TERRAFORM: &str = "[command]/home/x/terraform-bin plan -no-color
Initializing the backend...
╷
│ Error: Reference to undeclared input variable
│ 
│   on main.tf line 3, in resource \"aws_instance\" \"x\":
│    3:   ami = var.missing
╵
##[error]Terraform exited with code 1.
##[error]Process completed with exit code 1.";

const ESLINT: &str = "
> app@1.0.0 lint
> eslint --max-warnings 0 .


/home/x/app/src/error.js
  1:1   warning  'error' is unused    no-unused-vars
  3:5   error    'x' is not defined   no-undef

✖ 2 problems (1 error, 1 warning)

##[error]Process completed with exit code 1.";

const DISK: &str = "Get:1 http://deb.example stable/main amd64 liberror-perl all 0.17029-2
Unpacking libfail-perl ...
dpkg: error processing archive /tmp/x.deb (--unpack):
 cannot copy extracted data for './usr/lib/x.so': failed to write (No space left on device)
##[error]Process completed with exit code 100.";

const KILLED: &str = "<--- Last few GCs --->
/home/x/_temp/1.sh: line 2:  2134 Killed                  node build.js
##[error]Process completed with exit code 137.";

#[test]
fn the_first_error_is_found_in_the_logs_of_many_tools() {
    for (title, output, error) in [
        ("cargo build", RUST, "error[E0308]: mismatched types"),
        ("cargo test", RUST_TEST, "thread 'tests::adds' panicked at src/lib.rs:12:9:"),
        ("go vet ./...", GO, "server/main.go:10:2: undefined: handler"),
        ("go test -v ./...", GO_TEST, "--- FAIL: TestAdd (0.00s)"),
        ("pytest -v", PYTEST, "E       assert 3 == 4"),
        ("npm test", JEST, "FAIL src/sum.test.js"),
        ("npx tsc", TSC, "error: src/a.ts(3,5): error TS2304: Cannot find name 'x'."),
        ("mvn -B test", MAVEN, "org.opentest4j.AssertionFailedError: expected: <4> but was: <3>"),
        ("docker/build-push-action@v5", DOCKER, "#12 4.512 npm ERR! code E404"),
        ("terraform plan", TERRAFORM, "│ Error: Reference to undeclared input variable"),
        ("npm run lint", ESLINT, "  3:5   error    'x' is not defined   no-undef"),
        (
            "apt-get install x",
            DISK,
            " cannot copy extracted data for './usr/lib/x.so': failed to write (No space left on device)",
        ),
        ("npm run build", KILLED, "/home/x/_temp/1.sh: line 2:  2134 Killed                  node build.js"),
    ] {
        let setup = "##[group]Operating System\nUbuntu\n##[endgroup]\nerror: from another step\n";
        let after = "Post job cleanup.\n[command]/usr/bin/git version\nfatal: not here either\n";
        let log = github(&format!("{setup}{}\n{after}", step(title, output)));
        let (excerpt, shown) = seen(&log);
        assert_eq!(shown, error, "{title}: {excerpt:#?}");
        assert!(excerpt.recognised, "{title}");
        assert_eq!(excerpt.step.as_deref(), Some(format!("Run {title}").as_str()));
        assert!(excerpt.lines.iter().any(|line| *line == error), "{title}: {excerpt:#?}");
        let all = excerpt.lines.join("\n");
        for foreign in ["another step", "not here", "shell:", "2024-05", "##[", "\x1b"] {
            assert!(!all.contains(foreign), "{title}: {foreign} in {all}");
        }
        assert_eq!(excerpt.total_lines, log.iter().filter(|byte| **byte == b'\n').count() as u64);
    }
}

#[test]
fn an_excerpt_has_a_few_lines_before_and_what_follows() {
    let before: String = (0..50).map(|n| format!("line {n}\n")).collect();
    let log = github(&step(
        "make",
        &format!(
            "{before}x.c:1:2: error: bad\nx.c:9:9: error: worse\nmake: *** [x] Error 1\n##[error]Process completed with exit code 2.\n"
        ),
    ));
    let excerpt = excerpt(&log, 40);
    assert_eq!(
        excerpt.lines[..7],
        ["line 45", "line 46", "line 47", "line 48", "line 49", "x.c:1:2: error: bad", "x.c:9:9: error: worse"]
    );
    assert_eq!(excerpt.lines[7..], ["make: *** [x] Error 1", "error: Process completed with exit code 2."]);
    assert_eq!((excerpt.first_line, excerpt.error_line, excerpt.total_lines), (50, Some(55), 58));
    assert_eq!(excerpt.told(), "from line 50 of 58, the error in line 55");
    let short = super::excerpt(&log, 3);
    assert_eq!(short.lines, ["line 49", "x.c:1:2: error: bad", "x.c:9:9: error: worse"]);
    assert_eq!((short.first_line, short.more_errors), (54, 1));
    assert_eq!(super::excerpt(&log, 0).lines, ["x.c:1:2: error: bad"]);
}

#[test]
fn a_job_that_was_stopped_shows_what_it_did_last() {
    let work: String = (0..100).map(|n| format!("waiting {n}\n")).collect();
    for end in [
        "The runner has received a shutdown signal. This can happen when the runner service is stopped, or a manually started runner is canceled.",
        "The operation was canceled.",
        "The job running on runner GitHub Actions 2 has exceeded the maximum execution time of 360 minutes.",
        "The action 'Run tests' has timed out after 10 minutes.",
    ] {
        let log = github(&step(
            "./wait",
            &format!(
                "test x ... FAILED\n{work}##[error]{end}\n##[error]Process completed with exit code 143.\nCleaning up orphan processes\nerror: late\n"
            ),
        ));
        let (excerpt, error) = seen(&log);
        assert_eq!(error, format!("error: {end}"));
        assert_eq!((excerpt.lines[0].as_str(), excerpt.lines[36].as_str()), ("waiting 63", "waiting 99"));
        assert_eq!(excerpt.lines.last().unwrap(), "error: Process completed with exit code 143.");
    }
}

#[test]
fn without_an_error_the_end_of_the_failed_step_is_shown_and_said_so() {
    let work: String = (0..100).map(|n| format!("working {n}\n")).collect();
    let later = step("./always", "##[error]No files were found\n");
    let log = github(&format!(
        "{}{later}",
        step("./quiet", &format!("{work}##[error]Process completed with exit code 3.\n"))
    ));
    let (excerpt, _) = seen(&log);
    assert_eq!((excerpt.recognised, excerpt.error_line, excerpt.lines.len()), (false, None, 40));
    assert_eq!(
        (excerpt.lines[0].as_str(), excerpt.lines[39].as_str()),
        ("working 61", "error: Process completed with exit code 3.")
    );
    assert_eq!(excerpt.step.as_deref(), Some("Run ./quiet"));
    assert_eq!(excerpt.told(), "no error recognised: the end of the failed step, from line 66 of 110");
    // A signal is an error by itself.
    let log = github(&step("./quiet", "working\n##[error]Process completed with exit code 137.\n"));
    assert_eq!(seen(&log).1, "error: Process completed with exit code 137.");
    // What only echoes the script is none.
    let log = github(
        "##[group]Run grep -c 'error: bad' x.log\n\x1b[36;1mecho 'error: bad'\x1b[0m\nshell: /usr/bin/bash -e {0}\n##[endgroup]\n0\n##[error]Process completed with exit code 1.\n",
    );
    assert!(!seen(&log).0.recognised);
}

#[test]
fn groups_of_programs_are_output() {
    let group = "##[group]Run unit tests\nbuilding\nerror: bad\n##[endgroup]\ndone\n##[error]Process completed with exit code 1.\n";
    let (excerpt, error) = seen(&github(&step("make", group)));
    assert_eq!((error.as_str(), excerpt.lines[0].as_str()), ("error: bad", "building"), "{excerpt:#?}");
    let action = "##[group]Run a/b@v1\nwith:\n  script: echo\nerror: not run yet\n##[endgroup]\n##[error]Process completed with exit code 1.\n";
    assert!(!seen(&github(action)).0.recognised);
}

#[test]
fn a_log_that_just_ends_is_searched_in_its_last_step() {
    let log = github(&format!("{}{}", step("make", "error: tolerated\n"), step("make test", "a\nFAIL: x\nb\n")));
    let (excerpt, error) = seen(&log);
    assert_eq!((error.as_str(), excerpt.step.as_deref()), ("FAIL: x", Some("Run make test")));
    let (excerpt, error) = seen(b"plain text\nerror: of no runner at all\nend");
    assert_eq!((error.as_str(), excerpt.step, excerpt.total_lines), ("error: of no runner at all", None, 3));
    let (nothing, _) = seen(b"all is well\n");
    assert_eq!((nothing.recognised, nothing.lines), (false, vec![String::from("all is well")]));
    assert_eq!(seen(b"").0.told(), "the log is empty");
}

#[test]
fn the_last_line_of_a_traceback_is_the_error() {
    let frames =
        |n: usize| (0..n).map(|n| format!("  File \"/app/{n}.py\", line {n}, in f\n    f({n})\n")).collect::<String>();
    let end = "##[error]Process completed with exit code 1.\n";
    let first = format!("Traceback (most recent call last):\n{}KeyError: 'a'\n", frames(2));
    let chain = "\nDuring handling of the above exception, another exception occurred:\n\n";
    let second = format!("Traceback (most recent call last):\n{}app.ConfigError: no a\n", frames(1));

    let log = github(&step("python x.py", &format!("start\n{first}{end}")));
    let (excerpt, error) = seen(&log);
    assert_eq!(error, "KeyError: 'a'");
    assert_eq!(excerpt.lines[..2], ["start", "Traceback (most recent call last):"]);
    let log = github(&step("python x.py", &format!("start\n{first}{chain}{second}more\n{end}")));
    let (excerpt, error) = seen(&log);
    assert_eq!(error, "app.ConfigError: no a");
    assert_eq!(excerpt.lines[excerpt.lines.len() - 2], "more");
    // Too long: the middle goes, and how much of it is said.
    let long = format!("Traceback (most recent call last):\n{}RecursionError: too deep\n", frames(100));
    let log = github(&step("python x.py", &format!("start\n{long}{end}")));
    let (excerpt, error) = seen(&log);
    assert_eq!((error.as_str(), excerpt.lines.len()), ("RecursionError: too deep", 40));
    assert_eq!(excerpt.lines[0], "start");
    assert!(excerpt.lines.contains(&String::from("[164 lines of the traceback left out]")), "{excerpt:#?}");
    assert_eq!(excerpt.lines[39], "RecursionError: too deep");
    // Inside a builder each line has its own time.
    let log = github(&step(
        "docker build .",
        "#9 1.1 Traceback (most recent call last):\n#9 1.2   File \"x\", line 1\n#9 1.3 ValueError: bad\n#9 ERROR: exit code: 1\n##[error]Process completed with exit code 1.\n",
    ));
    assert_eq!(seen(&log).1, "#9 1.3 ValueError: bad");
}

/// A trace of GitLab CI.
const GITLAB: &str = "\x1b[0KRunning with gitlab-runner 16.0.0 (1234)\x1b[0;m
section_start:1600000000:prepare_executor\r\x1b[0K\x1b[0K\x1b[36;1mPreparing the \"docker\" executor\x1b[0;m
\x1b[0;33mWARNING: error: retrying the pull\x1b[0;m
section_end:1600000001:prepare_executor\r\x1b[0Ksection_start:1600000001:get_sources\r\x1b[0K\x1b[0K\x1b[36;1mGetting source from Git repository\x1b[0;m
section_end:1600000002:get_sources\r\x1b[0Ksection_start:1600000002:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m
\x1b[32;1m$ grep -c 'error: bad' x.log || true\x1b[0;m
\x1b[0Ksection_start:1600000003:my_part[collapsed=true]\r\x1b[0Kinstalling
10%\r50%\r100% done
section_end:1600000004:my_part\r\x1b[0K
src/main.c:3:5: \x1b[31merror:\x1b[0m expected ';'
make: *** [Makefile:2: all] Error 1
section_end:1600000005:step_script\r\x1b[0Ksection_start:1600000005:cleanup_file_variables\r\x1b[0K\x1b[0K\x1b[36;1mCleaning up project directory and file based variables\x1b[0;m
section_end:1600000006:cleanup_file_variables\r\x1b[0K\x1b[31;1mERROR: Job failed: exit code 2
\x1b[0;m
";

#[test]
fn traces_of_gitlab_are_read_too() {
    let (excerpt, error) = seen(GITLAB.as_bytes());
    assert_eq!(error, "src/main.c:3:5: error: expected ';'");
    assert_eq!(excerpt.step.as_deref(), Some("step_script"));
    assert!(excerpt.lines.contains(&String::from("100% done")), "{excerpt:#?}");
    assert_eq!(excerpt.lines.last().unwrap(), "make: *** [Makefile:2: all] Error 1");

    let quiet = GITLAB.replace("error:\x1b[0m expected", "note").replace("make: *** [Makefile:2: all] Error 1", "bye");
    let (excerpt, _) = seen(quiet.as_bytes());
    assert!(!excerpt.recognised && excerpt.step.as_deref() == Some("step_script"), "{excerpt:#?}");
    assert_eq!(excerpt.lines[excerpt.lines.len() - 2..], ["bye", "ERROR: Job failed: exit code 2"]);

    let late = quiet.replace("exit code 2", "execution took longer than 1h0m0s seconds");
    let (excerpt, error) = seen(late.as_bytes());
    assert_eq!(error, "ERROR: Job failed: execution took longer than 1h0m0s seconds");
    assert!(excerpt.lines.contains(&String::from("bye")), "{excerpt:#?}");
    let timed: String = GITLAB.lines().map(|line| format!("2024-05-01T10:00:00.123456Z 00O {line}\n")).collect();
    assert_eq!(seen(timed.as_bytes()).1, "src/main.c:3:5: error: expected ';'");
}

#[test]
fn repeats_are_one_line_and_keys_are_none() {
    let key = format!("-----BEGIN RSA {0}-----\nMIIEpAIBAAKC\nAQEA1xyz==\n-----END RSA {0}-----\n", "PRIVATE KEY");
    let waits = "waiting\n".repeat(1000);
    let log = github(&step(
        "x",
        &format!("{key}{waits}error: gone\n{}\n##[error]Process completed with exit code 1.\n", "retry\n".repeat(30)),
    ));
    let (excerpt, _) = seen(&log);
    assert_eq!(
        excerpt.lines,
        [
            "[a private key is left out]",
            "waiting (×1000)",
            "error: gone",
            "retry (×30)",
            "",
            "error: Process completed with exit code 1."
        ]
    );
    assert_eq!((excerpt.first_line, excerpt.error_line), (5, Some(1009)));
}

#[test]
fn errors_behind_the_excerpt_are_counted() {
    let many: String = (0..500).map(|n| format!("x.c:{n}:1: error: bad\nnote: 0 errors\n")).collect();
    let log = github(&step("make", &format!("{many}##[error]Process completed with exit code 1.\n")));
    let excerpt = excerpt(&log, 20);
    assert_eq!((excerpt.lines.len(), excerpt.more_errors), (20, 490));
    assert!(
        excerpt.told().ends_with("the error in line 5, 490 more lines behind these tell of errors"),
        "{}",
        excerpt.told()
    );
}

#[test]
fn long_logs_and_lines_take_time_in_proportion_and_no_memory() {
    let line = "2024-05-01T10:00:00.1234567Z an ordinary line of a log, 0 errors, of some length to be read\n";
    let mut log = line.repeat(20_000).into_bytes();
    log.extend_from_slice(&vec![b'x'; 8 << 20]);
    log.extend_from_slice(b"\n\xff\xfe error\nerror: at last\n");
    let start = Instant::now();
    let (excerpt, error) = seen(&log);
    assert_eq!(error, "error: at last");
    assert!(excerpt.lines.iter().all(|line| line.len() < 3_000));
    assert!(excerpt.lines.iter().any(|line| line.ends_with("bytes)")));
    // Unoptimised and beside other tests; what is not linear takes minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
