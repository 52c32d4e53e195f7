//! Adding a line where it belongs in files people write.

use crate::run::Result;

/// The workspace manifest with `line` in its table of dependencies, after the members that are there already.
pub fn entry(text: &str, name: &str, line: &str) -> Result<String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let start = heading(&lines, "[workspace.dependencies]").ok_or("no [workspace.dependencies]")?;
    let end = section_end(&lines, start);
    let table = lines.get(start..end).unwrap_or_default();
    if table.iter().any(|there| names(there, name)) {
        return Err(format!("{name} is in the table already"));
    }
    let after = table.iter().rposition(|there| there.contains("path = ")).unwrap_or(0);
    lines.insert(start + after + 1, line);
    Ok(joined(&lines))
}

/// The manifest of the tests, depending on each of `needs`.
pub fn needs(text: &str, needs: &[&str]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for need in needs {
        let seen: Vec<&str> = lines.iter().map(String::as_str).collect();
        let tables = ["[dev-dependencies]", "[dependencies]"].map(|name| heading(&seen, name));
        let listed = tables.iter().flatten().any(|start| {
            seen.get(*start..section_end(&seen, *start)).unwrap_or_default().iter().any(|there| names(there, need))
        });
        if listed {
            continue;
        }
        let line = format!("{need}.workspace = true");
        match tables.into_iter().flatten().next() {
            Some(start) => {
                let end = section_end(&seen, start);
                // In order, if the table is; after the last line otherwise.
                let place =
                    (start + 1..end).find(|at| seen.get(*at).is_some_and(|there| **there > *line)).unwrap_or(end);
                lines.insert(place, line);
            }
            None => lines.extend([String::new(), "[dev-dependencies]".to_owned(), line]),
        }
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    joined(&lines)
}

/// The module root of the tests, declaring `name` in order.
pub fn module(text: &str, name: &str) -> Result<String> {
    let line = format!("mod {name};");
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.iter().any(|there| there.trim() == line) {
        return Err(format!("{line} is there already"));
    }
    let declared: Vec<usize> =
        (0..lines.len()).filter(|at| lines.get(*at).is_some_and(|there| there.starts_with("mod "))).collect();
    let after = declared.iter().find(|at| lines.get(**at).is_some_and(|there| **there > *line)).copied();
    let place =
        after.or_else(|| declared.last().map(|at| at + 1)).ok_or("no line `mod …;` to put the new one beside")?;
    lines.insert(place, &line);
    Ok(joined(&lines))
}

/// The README with an empty table for `server` after the last one; its heading is like that one's.
pub fn section(text: &str, server: &str) -> Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let open = format!("<!-- tools:{server} -->");
    if lines.contains(&open) {
        return Ok(text.to_owned());
    }
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("<!-- /tools:"))
        .ok_or("no line <!-- /tools:… --> to put a section after")?;
    let level = lines.get(..last).unwrap_or_default().iter().rev().find(|line| line.starts_with('#'));
    let level = level.and_then(|line| line.split(' ').next()).unwrap_or("##");
    let heading = format!("{level} mcp-{server}");
    let section = [String::new(), heading, String::new(), open, format!("<!-- /tools:{server} -->")];
    lines.splice(last + 1..last + 1, section);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Ok(joined(&lines))
}

fn heading(lines: &[&str], name: &str) -> Option<usize> {
    lines.iter().position(|line| line.trim() == name)
}

/// One past the last line with something on it of the section that starts at `start`.
fn section_end(lines: &[&str], start: usize) -> usize {
    let next =
        lines.iter().skip(start + 1).position(|line| line.starts_with('[')).map_or(lines.len(), |at| start + 1 + at);
    let section = lines.get(start..next).unwrap_or_default();
    section.iter().rposition(|line| !line.trim().is_empty()).map_or(start + 1, |at| start + at + 1)
}

/// Whether a manifest's line is about the dependency `name`.
fn names(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
}

fn joined(lines: &[&str]) -> String {
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_enters_the_workspace_table() {
        let text = "[workspace]\n\n[workspace.dependencies]\nshared = { path = \"shared\" }\nmcp-git = { path = \"tools/git\" }\n\naxum = \"1\"\n\n[x]\n";
        let line = "mcp-demo = { path = \"tools/demo\" }";
        let wanted = text.replace("\n\naxum", &format!("\n{line}\n\naxum"));
        assert_eq!(entry(text, "mcp-demo", line).unwrap(), wanted);
        assert!(entry(&wanted, "mcp-demo", line).is_err());
        assert!(entry("[workspace]\n", "mcp-demo", line).is_err());
    }

    #[test]
    fn the_tests_depend_on_it() {
        let without = "[package]\nname = \"t\"\n\n[lints]\nworkspace = true\n";
        assert_eq!(
            needs(without, &["b", "a"]),
            format!("{without}\n[dev-dependencies]\na.workspace = true\nb.workspace = true\n")
        );
        let with = "[dependencies]\nb = { workspace = true }\n\n[dev-dependencies]\nc.workspace = true\n";
        assert_eq!(
            needs(with, &["a", "b", "c", "d"]),
            "[dependencies]\nb = { workspace = true }\n\n[dev-dependencies]\na.workspace = true\nc.workspace = true\nd.workspace = true\n"
        );
    }

    #[test]
    fn its_test_is_declared_in_order() {
        assert_eq!(
            module("//! x\n\nmod a;\nmod c;\n\nfn f() {}\n", "b").unwrap(),
            "//! x\n\nmod a;\nmod b;\nmod c;\n\nfn f() {}\n"
        );
        assert_eq!(module("mod a;\nuse x;\n", "b").unwrap(), "mod a;\nmod b;\nuse x;\n");
        assert!(module("mod b;\n", "b").is_err());
        assert!(module("//! nothing\n", "b").is_err());
    }

    #[test]
    fn its_table_has_a_place_in_the_readme() {
        let text = "# x\n\n### mcp-git\n\n<!-- tools:git -->\n<!-- /tools:git -->\n\n## y\n";
        let wanted = "# x\n\n### mcp-git\n\n<!-- tools:git -->\n<!-- /tools:git -->\n\n### mcp-demo\n\n<!-- tools:demo -->\n<!-- /tools:demo -->\n\n## y\n";
        assert_eq!(section(text, "demo").unwrap(), wanted);
        assert_eq!(section(wanted, "demo").unwrap(), wanted);
        assert!(section("# x\n", "demo").is_err());
    }
}
