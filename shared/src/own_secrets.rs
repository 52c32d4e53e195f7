//! The secrets this process was given, told to the redaction before anything can repeat them.

use std::{env, fs, sync::Once};

use crate::redact;

/// Ends of names of variables that hold a secret. With `_FILE` behind it, such a variable names a file that holds one.
const ENDS: [&str; 6] = ["_TOKEN", "_PASSWORD", "_PASSPHRASE", "_SECRET", "_API_KEY", "_SECRET_ACCESS_KEY"];
/// The largest file read, in bytes: a token is a line.
const FILE_MAX: u64 = 64 * 1024;

/// The secret an operator gave as `NAME`, or in the file that `NAME_FILE` names, without the space around it. It is masked from now on.
/// A value that cannot be read is an error and never "not given": what it should have protected would be open.
pub fn secret(name: &str) -> Result<Option<String>, String> {
    let get = |name: &str| match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{name} is not text; set it again")),
    };
    let file = format!("{name}_FILE");
    let given = match get(&file)? {
        Some(path) => {
            let text =
                fs::read_to_string(&path).map_err(|error| format!("{file}={path:?} could not be read: {error}"))?;
            Some(text.trim().to_owned())
        }
        None => get(name)?,
    };
    if let Some(given) = &given {
        redact::register(given);
    }
    Ok(given)
}

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
