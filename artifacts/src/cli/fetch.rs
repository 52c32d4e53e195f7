//! `agent-tools fetch NAME`: a CLI that is packed beside a server, from its publisher or from the cache, as `bundles.toml` pins it.

use std::{
    fs::{self, File},
    io::{self, Seek},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{Verb, copy, print, wait_for};
use crate::{
    Error, Kind, Result, binary,
    bundles::{Bundles, Download},
    credentials::{Credentials, Given},
    environment::Environment,
    oci::{Digest, Hasher, Platform},
    registry::Client,
    transfer::Progress,
};

/// The file with the pins, in a clone of the source.
const PINS: &str = "artifacts/bundles.toml";

/// The file in an archive is not larger.
const MEMBER_MAX: u64 = 512 << 20;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("fetch")
        .about("Fetch a pinned CLI, verified, into a cache")
        .after_help(
            "Examples:
  agent-tools fetch kubectl --cache target/clis
  agent-tools fetch flux --platform linux/arm64 --cache target/clis

Prints the path of the program. A download whose SHA-256 is not the pinned one is never used; one that is in the cache is checked again and not
fetched again.",
        )
        .arg(Arg::new("NAME").required(true).help("Which CLI"))
        .arg(copy::platform().help("For which platform; this machine's if it is left out"))
        .arg(path("pins", PINS).help("The file that pins it"))
        .arg(path("cache", "target/clis").help("Where downloads are kept"))
        .arg(print::output())
}

fn path(name: &'static str, default: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("PATH").value_parser(value_parser!(PathBuf)).default_value(default)
}

fn run(matches: &ArgMatches) -> Result<()> {
    let get = |name: &str| matches.get_one::<PathBuf>(name).cloned().unwrap_or_default();
    let (pins, cache) = (get("pins"), get("cache"));
    let name = matches.get_one::<String>("NAME").map(String::as_str).unwrap_or_default();
    let platform = matches.get_one::<Platform>("platform").cloned().unwrap_or_else(Platform::host);
    let text = fs::read_to_string(&pins).map_err(|error| Error::io(&pins, &error))?;
    let bundles = Bundles::parse(&text)?;
    let names = || bundles.cli.iter().map(|bundle| bundle.name.as_str()).collect::<Vec<_>>().join(", ");
    let bundle =
        bundles.cli.iter().find(|bundle| bundle.name == name).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{} pins no {name:?}; it pins: {}", pins.display(), names()))
        })?;
    let download = bundle
        .platform
        .get(&platform.to_string())
        .ok_or_else(|| Error::new(Kind::NotFound, format!("{} pins no {name} for {platform}", pins.display())))?;
    let program = cache.join(format!("{name}-{}-{}", bundle.version, platform.dashed()));
    let check = |file: &Path| {
        let found = binary::program(file, name)?;
        if found.runs_on(&platform) {
            Ok(())
        } else {
            Err(Error::refused(format!("it is built for {}, not for {platform}", found.platform)))
        }
    };
    fetch(download, &cache, &program, check, print::progress("fetching"))
        .map_err(|error| error.while_doing(format!("{name} {} for {platform}", bundle.version)))?;
    let value = json!({ "name": name, "version": bundle.version, "platform": platform.to_string(), "path": program });
    print::result(matches, &format!("{}\n", program.display()), &value)
}

/// Puts the program of `download` at `program`, if `check` finds it to be one. The download itself is kept under its digest.
fn fetch(
    download: &Download,
    cache: &Path,
    program: &Path,
    check: impl Fn(&Path) -> Result<()>,
    progress: Arc<dyn Progress>,
) -> Result<()> {
    let digest = download.digest()?;
    fs::create_dir_all(cache).map_err(|error| Error::io(cache, &error))?;
    let kept = cache.join(digest.hex());
    let mut file = match cached(&kept, &digest).map_err(|error| Error::io(&kept, &error))? {
        Some(file) => file,
        None => fetch_anew(download, &digest, &kept, progress)?,
    };
    let failed = |error: io::Error| Error::io(program, &error);
    let mut out = NamedTempFile::new_in(cache).map_err(failed)?;
    match &download.member {
        None => io::copy(&mut file, out.as_file_mut()).map(drop).map_err(failed)?,
        Some(member) => take_out(member, &file, out.as_file_mut())?,
    }
    out.as_file().set_permissions(fs::Permissions::from_mode(0o755)).map_err(failed)?;
    check(out.path())?;
    out.persist(program).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The download that is kept at `path`, unless it is not there, or damaged.
fn cached(path: &Path, digest: &Digest) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(mut file) => Ok((hash(&mut file)? == *digest).then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn fetch_anew(download: &Download, digest: &Digest, kept: &Path, progress: Arc<dyn Progress>) -> Result<File> {
    let failed = |error: io::Error| Error::io(kept, &error);
    let environment = Environment::process();
    let client = Client::new(&environment, Credentials::new(&Given::default(), environment.clone(), &[])?, false)?;
    let mut file = NamedTempFile::new_in(kept.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    wait_for(async {
        let step = progress.started(&download.url, 0);
        client.download(&download.url, digest, file.as_file_mut(), &*step).await?;
        step.finished();
        Ok(())
    })?;
    file.persist(kept).map_err(|error| failed(error.error))
}

fn hash(file: &mut File) -> io::Result<Digest> {
    let (digest, _) = Hasher::read(file)?;
    file.rewind()?;
    Ok(digest)
}

/// Writes the file `member` of the gzipped tar `archive` to `out`.
fn take_out(member: &str, archive: &File, out: &mut File) -> Result<()> {
    let broken = |error: io::Error| Error::refused(format!("the download is no gzipped tar: {error}"));
    let decoder = flate2::read::MultiGzDecoder::new(archive);
    for entry in tar::Archive::new(decoder).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path_bytes().into_owned();
        if name.strip_prefix(b"./").unwrap_or(&name) == member.as_bytes() && entry.header().entry_type().is_file() {
            if entry.size() > MEMBER_MAX {
                return Err(Error::refused(format!("{member} has {} bytes, no CLI is that large", entry.size())));
            }
            io::copy(&mut entry, out).map_err(broken)?;
            return Ok(());
        }
    }
    Err(Error::new(Kind::NotFound, format!("the download holds no file {member:?}")))
}
