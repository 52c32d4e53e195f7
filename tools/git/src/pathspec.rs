//! Paths of a caller inside a repository: literal, never a pattern, never outside.

use shared::{Result, ToolError};

/// `path` as git has it: from the repository's root, `/` between names, no `.` or `..`; empty for the root itself.
pub fn literal(parameter: &str, path: &str) -> Result<String> {
    let refuse = |why: &str| {
        Err(ToolError::invalid(format!("`{parameter}` {path:?} {why}"))
            .hint("give paths from the repository's root, such as src/main.rs"))
    };
    if path.is_empty() || path.contains('\0') {
        return refuse("is not a path");
    }
    if path.starts_with('/') {
        return refuse("is absolute");
    }
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => return refuse("leads up and out"),
            _ if name.eq_ignore_ascii_case(".git") => return refuse("is inside .git"),
            name => names.push(name),
        }
    }
    Ok(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied_or_refused() {
        for (path, expected) in
            [("a/b", "a/b"), ("./a//b/", "a/b"), (".", ""), ("*.rs", "*.rs"), (":(top)x", ":(top)x"), ("-x", "-x")]
        {
            assert_eq!(literal("paths", path).unwrap(), expected);
        }
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a\0b", ".git/config", "a/.GIT/hooks"] {
            assert!(literal("paths", path).is_err(), "{path}");
        }
    }
}
