//! The secrets this process was given, told to the redaction before anything can repeat them.

use std::{env, fs, sync::Once};

use crate::redact;

/// Ends of names of variables that hold a secret. With `_FILE` behind it, such a variable names a file that holds one.
const ENDS: [&str; 6] = ["_TOKEN", "_PASSWORD", "_PASSPHRASE", "_SECRET", "_API_KEY", "_SECRET_ACCESS_KEY"];
/// The largest file read, in bytes: a token is a line.
const FILE_MAX: u64 = 64 * 1024;

/// Registers every secret that the environment holds or names, once per process. Called before the first tool runs.
pub(crate) fn learn() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // `env::vars` panics on a variable that is not UTF-8.
        let texts =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        for (name, value) in texts {
            if ENDS.iter().any(|end| name.ends_with(end)) {
                redact::register(&value);
            } else if let Some(stem) = name.strip_suffix("_FILE")
                && ENDS.iter().any(|end| stem.ends_with(end))
                && fs::metadata(&value).is_ok_and(|meta| meta.is_file() && meta.len() <= FILE_MAX)
                && let Ok(secret) = fs::read_to_string(&value)
            {
                redact::register(&secret);
            }
        }
    });
}
