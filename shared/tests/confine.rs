//! What a confined process can still do. Every case runs in a process of its own, this program started again, because
//! confinement cannot be undone; and without the usual harness, because it would start threads before `main` may
//! confine.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect fails"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use landlock::{ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use shared::confine::{Confinement, Rules, confine};
use shared::workspace::Workspace;

type Case = fn(&Path);

const CASES: [(&str, Case); 9] = [
    ("files", files),
    ("programs", programs),
    ("threads_started_later", threads_started_later),
    ("threads_started_before", threads_started_before),
    ("execute_listed", execute_listed),
    ("children_inherit", children_inherit),
    ("missing_paths_and_files", missing_paths_and_files),
    ("network_and_workspace", network_and_workspace),
    ("cost", cost),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mark, name, dir] = args.as_slice()
        && mark == "in-child"
    {
        let case = CASES.iter().find(|(known, _)| known == name).expect("a case of that name");
        case.1(Path::new(dir));
        return ExitCode::SUCCESS;
    }
    if args.iter().any(|arg| arg == "--list") {
        CASES.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // Asked apart from the code under test, which must not be able to excuse itself.
    if !kernel_has(ABI::V1) {
        for (name, _) in CASES {
            println!("skipped: {name}: this kernel has no landlock");
        }
        println!("test result: ok. 0 passed; {} skipped", CASES.len());
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut failed = 0;
    let mut passed = 0;
    for (name, _) in
        CASES.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(*part)))
    {
        match run(name) {
            Ok(()) => {
                println!("test {name} ... ok");
                passed += 1;
            }
            Err(said) => {
                println!("test {name} ... FAILED\n{said}");
                failed += 1;
            }
        }
    }
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn kernel_has(abi: ABI) -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.create())
        .is_ok()
}

/// Runs one case in a fresh process on a fresh tree.
fn run(name: &str) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let base = dir.path().canonicalize().map_err(|error| error.to_string())?;
    for path in ["rw/sub", "rw/other", "ro", "out"] {
        std::fs::create_dir_all(base.join(path)).map_err(|error| error.to_string())?;
    }
    for path in ["rw/f", "ro/f", "out/f"] {
        std::fs::write(base.join(path), "text").map_err(|error| error.to_string())?;
    }
    let exe = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(exe)
        .args(["in-child", name])
        .arg(&base)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

fn rules(base: &Path) -> Rules {
    Rules::new().system().read_only(base.join("ro")).read_write(base.join("rw"))
}

/// Confines and insists on the level this kernel can give.
#[track_caller]
fn confined(rules: &Rules) {
    match confine(rules) {
        Confinement::Full { abi } => assert!(kernel_has(ABI::V5) && abi >= 5),
        Confinement::Partial { abi, lacking } => assert!(!kernel_has(ABI::V5) && abi < 5, "{lacking}"),
        Confinement::Unavailable(reason) => panic!("this kernel has landlock, but: {reason}"),
    }
}

#[track_caller]
fn refused<T>(result: std::io::Result<T>) {
    match result {
        Ok(_) => panic!("it was allowed"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}"),
    }
}

fn start(program: &Path) -> std::io::Result<bool> {
    Ok(Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
}

fn program(name: &str) -> PathBuf {
    ["/usr/bin", "/bin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.exists())
        .and_then(|path| path.canonicalize().ok())
        .expect("a common program")
}

/// The program loaders that may be needed to start a dynamically linked program.
fn loaders() -> impl Iterator<Item = PathBuf> {
    ["/lib64", "/lib", "/usr/lib64", "/usr/lib"]
        .into_iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-")))
}

fn cannot_reach_out(base: &Path) {
    refused(std::fs::write(base.join("out/new"), ""));
    refused(std::fs::write(base.join("out/f"), ""));
    refused(std::fs::OpenOptions::new().append(true).open(base.join("out/f")));
    refused(std::fs::read(base.join("out/f")));
    refused(std::fs::read_dir(base.join("out")));
    refused(std::fs::remove_file(base.join("out/f")));
    refused(std::fs::create_dir(base.join("out/dir")));
    refused(std::os::unix::fs::symlink("f", base.join("out/link")));
    let moved = std::fs::rename(base.join("rw/f"), base.join("out/moved")).unwrap_err();
    assert!(matches!(moved.kind(), ErrorKind::PermissionDenied | ErrorKind::CrossesDevices), "{moved}");
    let linked = std::fs::hard_link(base.join("rw/f"), base.join("out/linked")).unwrap_err();
    assert!(matches!(linked.kind(), ErrorKind::PermissionDenied | ErrorKind::CrossesDevices), "{linked}");
    // A link inside does not help.
    let link = base.join("rw").join(format!("link-{:?}", std::thread::current().id()));
    std::os::unix::fs::symlink(base.join("out/f"), &link).unwrap();
    refused(std::fs::write(&link, ""));
}

fn files(base: &Path) {
    std::fs::write(base.join("out/control"), "").unwrap();
    std::fs::remove_file(base.join("out/control")).unwrap();
    confined(&rules(base));
    cannot_reach_out(base);
    assert_eq!(std::fs::read_to_string(base.join("ro/f")).unwrap(), "text");
    assert_eq!(std::fs::read_dir(base.join("ro")).unwrap().count(), 1);
    refused(std::fs::write(base.join("ro/new"), ""));
    refused(std::fs::write(base.join("ro/f"), ""));
    // Without truncating, which is a right of its own.
    refused(std::fs::OpenOptions::new().append(true).open(base.join("ro/f")));
    refused(std::fs::remove_file(base.join("ro/f")));
    let rw = base.join("rw");
    std::fs::write(rw.join("new"), "new").unwrap();
    std::fs::write(rw.join("new"), "shorter").unwrap();
    std::fs::create_dir_all(rw.join("a/b")).unwrap();
    if kernel_has(ABI::V2) {
        std::fs::rename(rw.join("new"), rw.join("a/b/new")).unwrap();
        std::fs::hard_link(rw.join("a/b/new"), rw.join("linked")).unwrap();
    }
    std::fs::remove_dir_all(rw.join("a")).unwrap();
    // Refused to a stranger anyway, and to root by the rules.
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    for kind in [rustix::fs::FileType::CharacterDevice, rustix::fs::FileType::BlockDevice] {
        let made = rustix::fs::mknodat(rustix::fs::CWD, rw.join("device"), kind, mode, rustix::fs::makedev(1, 3));
        refused(made.map_err(std::io::Error::from));
    }
    std::fs::write("/dev/null", "x").unwrap();
    let mut random = [0; 8];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
    assert!(std::fs::read_to_string("/proc/self/status").unwrap().contains("Threads:\t1"));
    assert!(!std::fs::read("/etc/passwd").unwrap().is_empty());
}

fn programs(base: &Path) {
    let script = base.join("rw/script");
    let make = |path: &Path| {
        std::fs::write(path, "#!/bin/sh\nexit 0\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    make(&script);
    assert!(start(&program("true")).unwrap() && start(&script).unwrap(), "they run as long as nothing is confined");
    confined(&rules(base));
    refused(start(&program("true")));
    refused(start(&program("sh")));
    refused(start(&script));
    // Neither something made since, nor a copy, nor this program itself.
    make(&base.join("rw/later"));
    refused(start(&base.join("rw/later")));
    std::fs::copy(program("true"), base.join("rw/copy")).unwrap();
    refused(start(&base.join("rw/copy")));
    refused(start(Path::new("/proc/self/exe")));
    loaders().for_each(|loader| refused(start(&loader)));
}

fn threads_started_later(base: &Path) {
    confined(&rules(base));
    let base = base.to_owned();
    let first = std::thread::spawn(move || {
        cannot_reach_out(&base);
        refused(start(&program("true")));
        std::fs::write(base.join("rw/from-thread"), "").unwrap();
        // And those that such a thread starts.
        std::thread::spawn(move || {
            refused(std::fs::write(base.join("out/new"), ""));
            refused(start(&program("true")));
        })
        .join()
        .unwrap();
    });
    first.join().unwrap();
}

fn threads_started_before(base: &Path) {
    let (send, wait) = std::sync::mpsc::channel::<()>();
    let out = base.join("out/by-free-thread");
    let thread = std::thread::spawn(move || {
        wait.recv().unwrap();
        std::fs::write(out, "").unwrap();
    });
    match confine(&rules(base)) {
        Confinement::Partial { lacking, .. } => assert!(lacking.contains("1 threads"), "{lacking}"),
        other => panic!("a free thread is left, but: {other}"),
    }
    refused(std::fs::write(base.join("out/new"), ""));
    // What the report says is true: that thread is free.
    send.send(()).unwrap();
    thread.join().unwrap();
}

fn execute_listed(base: &Path) {
    let listed = loaders().fold(rules(base).execute(program("true")), Rules::execute);
    confined(&listed);
    // Its libraries are only readable, which is enough for them to be mapped as code.
    assert!(start(&program("true")).unwrap());
    refused(start(&program("sh")));
    std::fs::copy(program("true"), base.join("rw/copy")).unwrap();
    refused(start(&base.join("rw/copy")));
    cannot_reach_out(base);
}

fn children_inherit(base: &Path) {
    confined(&loaders().fold(rules(base).execute(program("sh")), Rules::execute));
    let shell = |script: String| {
        let status = Command::new(program("sh")).arg("-c").arg(script).stderr(Stdio::null()).status().unwrap();
        status.success()
    };
    assert!(shell(format!("echo text > {}", base.join("rw/from-child").display())));
    assert!(!shell(format!("echo text > {}", base.join("out/from-child").display())));
    assert!(!shell(format!("exec {}", program("true").display())));
}

fn missing_paths_and_files(base: &Path) {
    let rules = rules(base)
        .read_only(base.join("nothing/at/all"))
        .read_write(base.join("nothing"))
        .execute(base.join("nothing"))
        .read_write(base.join("out/f"))
        .read_only("");
    confined(&rules);
    // A rule for a file is for that file.
    std::fs::write(base.join("out/f"), "changed").unwrap();
    refused(std::fs::write(base.join("out/new"), ""));
    refused(std::fs::remove_file(base.join("out/f")));
    // A missing path that appears later was not promised anything.
    refused(std::fs::create_dir(base.join("nothing")));
}

fn network_and_workspace(base: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    confined(&rules(base));
    // Name look-ups load libraries of the system's choice while the program runs.
    assert!(("localhost", address.port()).to_socket_addrs().unwrap().next().is_some());
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"x").unwrap();
    assert!(TcpListener::bind("127.0.0.1:0").is_ok());

    let ws = Workspace::open(base.join("rw")).unwrap();
    let found = ws.resolve("cwd", "sub/../f").unwrap();
    assert_eq!(found.absolute().unwrap(), base.join("rw/f"));
    let mut text = String::new();
    found.open_file().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
    let target = ws.resolve_new("dir", "made").unwrap();
    let staged = target.staging().create_dir().unwrap();
    std::fs::write(staged.path().absolute().unwrap().join("f"), "").unwrap();
    staged.rename_to(&target).unwrap();
    target.staging().create_dir().unwrap().remove().unwrap();
    // A path may be resolved in a tree that may not be read: resolving is not opening.
    let out = Workspace::open(base.join("out")).unwrap();
    assert!(out.resolve("cwd", "f").unwrap().open_file().is_err());
    assert!(out.resolve_new("dir", "new").unwrap().create_dir().is_err());
}

fn cost(base: &Path) {
    let rules = rules(base);
    let start = Instant::now();
    let level = confine(&rules);
    let took = start.elapsed();
    // Far above what it takes, for a machine that is busy with something else.
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert!(!matches!(level, Confinement::Unavailable(_)));
    std::fs::write(base.join("rw/cost"), format!("{took:?}")).unwrap();
}
