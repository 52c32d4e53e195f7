//! What a cluster leaves that does not end with its processes: the bridge of its pods, their control groups, its directory.

use std::{
    fs, io,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    cgroups,
    places::{LOCK, Place},
};
use crate::run::{self, Result};

/// How long the last processes of a cluster may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Removes all of it. Its processes have ended, or are about to.
pub fn remove(place: &Place) -> Result<()> {
    cgroups::remove(&place.cgroup())?;
    let bridge = place.bridge();
    if Path::new("/sys/class/net").join(&bridge).exists() {
        run::stdout(Command::new("ip").args(["link", "delete", &bridge]))?;
    }
    let started = Instant::now();
    loop {
        match emptied(place.path()).and_then(|()| fs::remove_dir_all(place.path())) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // Something wrote into it in the moment it was killed.
            Err(_) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(format!("{} could not be removed: {error}", place.path().display())),
        }
    }
}

/// Removes everything but the lock, which goes last: as long as it is held, the cluster counts as one that runs.
fn emptied(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
