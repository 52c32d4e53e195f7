//! A program that behaves as badly as it is told to: `fake-program MODE [ARGUMENT…]`.
//!
//! Modes that leave processes behind write a line `pid ROLE NUMBER` for each to the file named by `PIDS`.

#![expect(clippy::print_stdout, reason = "a test that meets what it did not expect fails")]

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Signal, getpid, getsid, kill_process, setsid};

/// Longer than any test, and an end all the same should a test fail to kill.
const LONG: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let mode = arguments.next().and_then(|mode| mode.into_string().ok()).unwrap_or_default();
    let rest: Vec<OsString> = arguments.collect();
    match run(&mode, &rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fake-program {mode}: {error}");
            ExitCode::from(99)
        }
    }
}

fn number(rest: &[OsString], at: usize) -> io::Result<u64> {
    let text = rest.get(at).and_then(|word| word.to_str());
    text.and_then(|text| text.parse().ok()).ok_or_else(|| io::Error::other("a number is missing"))
}

fn run(mode: &str, rest: &[OsString]) -> io::Result<ExitCode> {
    match mode {
        // Prints its arguments, each ended by NUL.
        "args" => {
            for word in rest {
                io::stdout().write_all(word.as_bytes())?;
                io::stdout().write_all(&[0])?;
            }
        }
        "env" => {
            for (name, value) in std::env::vars_os() {
                println!("{}={}", name.to_string_lossy(), value.to_string_lossy());
            }
        }
        "directory" => println!("{}", std::env::current_dir()?.display()),
        "exit" => return Ok(ExitCode::from(u8::try_from(number(rest, 0)?).unwrap_or(98))),
        "signal" => {
            kill_process(getpid(), Signal::ABORT)?;
            sleep(LONG);
        }
        "say" => {
            io::stdout().write_all(b"out\n")?;
            io::stderr().write_all(b"err\n")?;
        }
        "say-and-hang" => {
            io::stdout().write_all(b"out before the end\n")?;
            io::stderr().write_all(b"err before the end\n")?;
            hang("child")?;
        }
        "invalid-utf8" => io::stdout().write_all(b"a\xff\xfe\xc3\nb\n")?,
        "hang" => hang("child")?,
        // SIGTERM, SIGINT and SIGHUP are ignored from exec on: a shell passes that down.
        "ignore-signals" => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "trap '' TERM INT HUP; exec \"$0\" hang"]).arg(std::env::current_exe()?);
            return Err(shell.exec());
        }
        // Prints N MiB to both streams at the same time, in lines of 64 bytes or in one line.
        "flood" | "flood-line" => {
            let mebibytes = number(rest, 0)?;
            let line = if mode == "flood" { [[b'x'; 63].as_slice(), b"\n"].concat() } else { vec![b'x'; 64] };
            let block = line.repeat((1 << 20) / line.len());
            let other = block.clone();
            let errors = std::thread::spawn(move || repeat(&mut io::stderr().lock(), &other, mebibytes));
            repeat(&mut std::fs::File::from(rustix::io::dup(io::stdout())?), &block, mebibytes)?;
            errors.join().map_err(|_| io::Error::other("the stderr thread failed"))??;
        }
        "close-and-hang" => {
            let null = OpenOptions::new().write(true).open("/dev/null")?;
            println!("closing");
            let again =
                Command::new(std::env::current_exe()?).arg("hang").stdout(null.try_clone()?).stderr(null).exec();
            return Err(again);
        }
        "read-stdin" => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            println!("{}", bytes.len());
        }
        "ignore-stdin" => println!("not reading"),
        "session" => println!("{}", getsid(None)? == getpid()),
        "terminal" => match std::fs::File::open("/dev/tty") {
            Ok(_) => println!("there is a terminal"),
            Err(error) => println!("no terminal: {error}"),
        },
        // Children in the same group, two deep, that hold the pipes; then hangs itself.
        "fork" => {
            again("fork-inner", Stdio::inherit())?;
            hang("child")?;
        }
        "fork-inner" => {
            again("hang-role", Stdio::inherit())?;
            hang("grandchild")?;
        }
        "hang-role" => hang("leaf")?,
        // Leaves a background process that holds the pipes, and exits.
        "hold-pipe" => {
            again("hang-role", Stdio::inherit())?;
            io::stdout().write_all(b"done\n")?;
            wait_for_pids(1)?;
        }
        // Leaves a daemon: another session, another parent, no pipes. With `clean`, without environment too.
        "daemon" | "daemon-clean" | "daemon-hang" => {
            let mut middle = Command::new(std::env::current_exe()?);
            middle.arg("daemon-middle").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if mode == "daemon-clean" {
                let pids = std::env::var_os("PIDS");
                middle.env_clear().envs(pids.map(|pids| ("PIDS", pids)));
            }
            middle.spawn()?.wait()?;
            wait_for_pids(2)?;
            if mode == "daemon-hang" {
                hang("child")?;
            }
            println!("daemon started");
        }
        "daemon-middle" => {
            setsid()?;
            again("daemon-inner", Stdio::null())?;
        }
        "daemon-inner" => {
            setsid()?;
            // And one more below it, in the daemon's session.
            again("hang-role", Stdio::null())?;
            hang("daemon")?;
        }
        // Starts N short-lived orphans, each in its own session, then hangs.
        "litter" => {
            for _ in 0..number(rest, 0)? {
                Command::new(std::env::current_exe()?).arg("litter-middle").spawn()?.wait()?;
            }
            hang("child")?;
        }
        "litter-middle" => {
            setsid()?;
            again("exit-soon", Stdio::null())?;
        }
        "exit-soon" => {
            setsid()?;
            note("short")?;
            sleep(Duration::from_millis(20));
        }
        // A chain: each link leaves its session, starts the next and exits, as fast as it can.
        "chain" => {
            setsid().ok();
            note("link")?;
            sleep(Duration::from_millis(1));
            again("chain", Stdio::null())?;
        }
        other => return Err(io::Error::other(format!("there is no mode {other:?}"))),
    }
    Ok(ExitCode::SUCCESS)
}

fn repeat(to: &mut impl Write, block: &[u8], times: u64) -> io::Result<()> {
    (0..times).try_for_each(|_| to.write_all(block))
}

/// Starts this program again in another mode and does not wait for it.
fn again(mode: &str, output: Stdio) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(mode).stdout(output);
    command.spawn()?;
    Ok(())
}

fn hang(role: &str) -> io::Result<()> {
    note(role)?;
    sleep(LONG);
    Ok(())
}

fn note(role: &str) -> io::Result<()> {
    let Some(file) = std::env::var_os("PIDS") else {
        return Ok(());
    };
    let line = format!("pid {role} {}\n", std::process::id());
    OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())
}

/// Waits until that many processes have noted themselves, so that a test never looks too early.
fn wait_for_pids(count: usize) -> io::Result<()> {
    let Some(file) = std::env::var_os("PIDS") else {
        return Ok(());
    };
    while std::fs::read_to_string(&file).unwrap_or_default().lines().count() < count {
        sleep(Duration::from_millis(5));
    }
    Ok(())
}
