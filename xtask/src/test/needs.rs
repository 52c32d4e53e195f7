//! What the tests need besides cargo, fetched once into `target/test-tools`: the official MCP client in a Python environment, and an
//! ssh server where the machine has none. A variable that is already set is left as it is.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Result};

/// The packages of an ssh server that runs from any folder: the server, the one library of it that small images lack, and the library
/// that shows it the account it gives its privileges up to without touching `/etc`.
const OPENSSH: &[&str] = &["openssh-server", "libwrap0", "libnss-wrapper"];

/// Starts the extracted server. As root it wants an account named sshd and an empty directory to lock itself into.
const LAUNCHER: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
for directory in "$here"/usr/lib/*-linux-gnu*; do
  LD_LIBRARY_PATH="$directory${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
if [ "$(id -u)" = 0 ]; then
  mkdir -p /run/sshd
  if ! getent passwd sshd >/dev/null; then
    export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$here/passwd" NSS_WRAPPER_GROUP=/etc/group
  fi
fi
exec "$here/usr/sbin/sshd" "$@"
"#;

/// A program the tests look for in their environment.
pub struct Need {
    /// The variable that names it.
    pub variable: &'static str,
    /// Where it is, or why it is not there.
    pub found: Result<PathBuf>,
}

/// Fetches everything that is not there yet. `place` is where it is kept.
pub fn all(root: &Path, place: &Path) -> Vec<Need> {
    let set = |variable: &'static str, find: &dyn Fn() -> Result<PathBuf>| Need {
        variable,
        found: std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map_or_else(find, |value| Ok(PathBuf::from(value))),
    };
    vec![
        set("AGENT_TOOLS_VENV", &|| python(&root.join("tests/python/requirements.txt"), &place.join("venv"))),
        set("AGENT_TOOLS_SSHD", &|| sshd(Path::new("/usr/sbin/sshd"), &place.join("openssh"))),
    ]
}

/// The interpreter of an environment that holds exactly what `requirements` says. A copy of them, written last, marks it complete.
fn python(requirements: &Path, venv: &Path) -> Result<PathBuf> {
    let wanted = run::read(requirements)?;
    let (marker, python) = (venv.join("requirements.txt"), venv.join("bin/python"));
    if python.exists() && fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    eprintln!("fetching the official MCP client");
    run::stdout(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run::stdout(&mut pip)?;
    run::write(&marker, &wanted)?;
    Ok(python)
}

/// The machine's ssh server, or Debian's unpacked into `place`.
fn sshd(installed: &Path, place: &Path) -> Result<PathBuf> {
    if installed.exists() {
        // What root's server locks itself into is made at boot, and a container does not boot. For other users it is not needed.
        let _ = fs::create_dir("/run/sshd");
        return Ok(installed.to_owned());
    }
    let launcher = place.join("sshd");
    if !launcher.exists() {
        eprintln!("fetching an ssh server");
        unpack(place).map_err(|error| format!("no {}, and it could not be fetched: {error}", installed.display()))?;
    }
    Ok(launcher)
}

fn unpack(place: &Path) -> Result<()> {
    let fresh = place.with_extension("new");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh).map_err(|error| format!("{}: {error}", fresh.display()))?;
    let download = || run::stdout(Command::new("apt-get").args(["-q", "download"]).args(OPENSSH).current_dir(&fresh));
    if download().is_err() {
        // The package lists of a small image are empty until they are asked for.
        run::stdout(Command::new("apt-get").args(["-q", "update"]))?;
        download()?;
    }
    for entry in fs::read_dir(&fresh).map_err(|error| error.to_string())?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            run::stdout(Command::new("dpkg").arg("-x").arg(entry.path()).arg(&fresh))?;
            let _ = fs::remove_file(entry.path());
        }
    }
    let accounts = run::read(Path::new("/etc/passwd"))?;
    run::write(
        &fresh.join("passwd"),
        &format!("{}\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n", accounts.trim_end()),
    )?;
    let launcher = fresh.join("sshd");
    run::write(&launcher, LAUNCHER)?;
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    // Every version answers an unknown option with its name; a missing library answers with something else.
    let said = run::output(Command::new(&launcher).arg("-V"))?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    if !said.contains("OpenSSH") {
        return Err(format!("it does not run here: {}", said.trim()));
    }
    let _ = fs::remove_dir_all(place);
    fs::rename(&fresh, place).map_err(|error| format!("{}: {error}", place.display()))
}
