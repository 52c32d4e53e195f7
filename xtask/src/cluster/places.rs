//! Where things of clusters are: the user's cache, and one directory for each cluster that runs.

use std::{
    env::{self, var_os},
    fs::{self, DirBuilder, File, TryLockError},
    hash::{BuildHasher, Hasher, RandomState},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::remnants;
use crate::run::Result;

/// Held by the keeper of a cluster as long as it lives, in the cluster's directory.
pub const LOCK: &str = "lock";

/// The directory of everything that is kept outside the tree.
pub fn cache() -> Result<PathBuf> {
    let set = |name| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(set("HOME")?.join(".cache")));
    Ok(cache.ok_or("there is no place for a cache: set HOME or XDG_CACHE_HOME")?.join("agent-tools"))
}

/// A cluster's directory, and the names that follow from it: no two clusters of a machine have one in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    number: u16,
}

impl Place {
    /// The place whose directory is `path`, if that is what it is called.
    pub fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str().filter(|name| name.len() == 4)?;
        Some(Self { path: path.to_owned(), number: u16::from_str_radix(name, 16).ok()? })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's name: what a person calls this cluster.
    pub fn name(&self) -> String {
        format!("{:04x}", self.number)
    }

    /// The bridge its pods are plugged into.
    pub fn bridge(&self) -> String {
        format!("at-{}", self.name())
    }

    /// The control group of its pods, in every hierarchy.
    pub fn cgroup(&self) -> String {
        format!("agent-tools-{}", self.name())
    }

    /// The first three numbers of the addresses of its pods.
    pub fn subnet(&self) -> [u8; 3] {
        let [high, low] = self.number.to_be_bytes();
        [10, 128 | high, low]
    }

    /// Whether its keeper lives.
    pub fn runs(&self) -> bool {
        let lock = File::open(self.path.join(LOCK));
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

/// A place that is ours for as long as this lives.
pub struct Claim {
    /// The place.
    pub place: Place,
    /// Held until the process ends, however it does.
    _lock: File,
}

/// A new place. What clusters whose keeper was killed have left is removed first.
pub fn claim() -> Result<Claim> {
    let all = directory()?;
    let failed = |error: io::Error| format!("{} could not be used: {error}", all.display());
    let _one_at_a_time = locked(&all)?;
    remove_remnants()?;
    let place = (0..100).map(|_| random()).map(|number| Place { path: all.join(format!("{number:04x}")), number });
    let place = place.into_iter().find(is_free).ok_or("no addresses of 10.128.0.0/9 are free here")?;
    // Who reads it may do anything in the cluster, and the cluster runs pods as root.
    DirBuilder::new().mode(0o700).create(&place.path).map_err(failed)?;
    let lock = File::create(place.path.join(LOCK)).map_err(failed)?;
    lock.lock().map_err(failed)?;
    Ok(Claim { place, _lock: lock })
}

/// The clusters that run, and those whose keeper was killed.
pub fn list() -> Result<(Vec<Place>, Vec<Place>)> {
    let Ok(entries) = fs::read_dir(directory()?) else { return Ok((Vec::new(), Vec::new())) };
    let mut places: Vec<Place> = entries.flatten().filter_map(|entry| Place::at(&entry.path())).collect();
    places.sort_by_key(|place| place.number);
    Ok(places.into_iter().partition(Place::runs))
}

/// Removes what clusters whose keeper was killed have left, and says which.
pub fn remove_dead() -> Result<Vec<Place>> {
    let _one_at_a_time = locked(&directory()?)?;
    remove_remnants()
}

fn remove_remnants() -> Result<Vec<Place>> {
    let (_, dead) = list()?;
    dead.iter().try_for_each(remnants::remove)?;
    Ok(dead)
}

/// The cluster that `AGENT_TOOLS_CLUSTER` names, or else the only one that runs.
pub fn chosen() -> Result<Place> {
    if let Some(path) = var_os("AGENT_TOOLS_CLUSTER").filter(|path| !path.is_empty()) {
        let place = Place::at(Path::new(&path)).filter(Place::runs);
        return place.ok_or_else(|| format!("no cluster runs in AGENT_TOOLS_CLUSTER={}", path.display()));
    }
    match list()?.0.as_slice() {
        [] => Err("no cluster runs: cargo xtask cluster up".to_owned()),
        [one] => Ok(one.clone()),
        several => {
            let paths: Vec<String> = several.iter().map(|place| place.path.display().to_string()).collect();
            Err(format!("several clusters run, set AGENT_TOOLS_CLUSTER to one of {}", paths.join(", ")))
        }
    }
}

fn directory() -> Result<PathBuf> {
    Ok(cache()?.join("clusters"))
}

fn locked(all: &Path) -> Result<File> {
    let made = fs::create_dir_all(all).and_then(|()| File::create(all.join(LOCK)));
    let lock = made.and_then(|file| file.lock().map(|()| file));
    lock.map_err(|error| format!("{} could not be used: {error}", all.display()))
}

fn random() -> u16 {
    RandomState::new().build_hasher().finish() as u16
}

/// Whether nobody has these addresses, this bridge or this directory, other users' clusters included.
fn is_free(place: &Place) -> bool {
    let routes = fs::read_to_string("/proc/net/route").unwrap_or_default();
    !place.path.exists()
        && !Path::new("/sys/class/net").join(place.bridge()).exists()
        && !routes.lines().skip(1).any(|route| leads_to(route, place.subnet()))
}

/// Whether a line of /proc/net/route (addresses are hexadecimal, in the order of memory) covers `subnet`; the default route does not count.
fn leads_to(route: &str, [a, b, c]: [u8; 3]) -> bool {
    let fields: Vec<&str> = route.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| u32::from_str_radix(field, 16).ok());
    let (Some(destination), Some(mask)) = (number(1), number(7)) else { return false };
    // Some mask may be longer than ours.
    let ours = u32::from_ne_bytes([a, b, c, 0]);
    let mask = mask & u32::from_ne_bytes([255, 255, 255, 0]);
    mask != 0 && ours & mask == destination & mask
}

/// The xtask that runs, for starting it again: the file may have been replaced since.
pub fn ourselves() -> Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Ok(own) } else { env::current_exe().map_err(|error| format!("where xtask is: {error}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_directory() {
        let place = Place::at(Path::new("/cache/clusters/81fe")).unwrap();
        assert_eq!((place.bridge(), place.cgroup()), ("at-81fe".to_owned(), "agent-tools-81fe".to_owned()));
        assert_eq!(place.subnet(), [10, 129, 254]);
        assert_eq!(Place::at(Path::new("/cache/clusters/lock")), None);
        assert_eq!(Place::at(Path::new("/cache/clusters/81feaa")), None);
    }

    #[test]
    fn addresses_somebody_has_are_not_taken() {
        let route = |destination: [u8; 4], mask: [u8; 4]| {
            let [destination, mask] = [destination, mask].map(u32::from_ne_bytes);
            format!("eth0\t{destination:08X}\t00000000\t0001\t0\t0\t0\t{mask:08X}\t0\t0\t0")
        };
        let subnet = [10, 129, 254];
        assert!(leads_to(&route([10, 0, 0, 0], [255, 0, 0, 0]), subnet));
        assert!(leads_to(&route([10, 129, 254, 0], [255, 255, 255, 0]), subnet));
        assert!(leads_to(&route([10, 129, 254, 7], [255, 255, 255, 255]), subnet));
        assert!(!leads_to(&route([10, 129, 253, 0], [255, 255, 255, 0]), subnet));
        assert!(!leads_to(&route([0, 0, 0, 0], [0, 0, 0, 0]), subnet), "the default route");
        assert!(!leads_to("noise", subnet));
    }
}
