//! The tables of the README, between markers: `<!-- servers -->` … `<!-- /servers -->`, `<!-- tools:git -->` … `<!-- /tools:git -->`.

use std::fmt::Write;

use serde_json::Value;

use crate::run::Result;

/// The parameters the spine adds; they come last, and they are the same everywhere.
const SPINE: &[&str] = &["budget", "cursor"];

/// `readme` with every table as `catalogues` (server and catalogue) say.
pub fn fill(readme: &str, catalogues: &[(&str, &Value)]) -> Result<String> {
    let mut text = replace(readme, "servers", &servers(catalogues))?;
    for (server, catalogue) in catalogues {
        text = replace(&text, &format!("tools:{server}"), &tools(catalogue))?;
    }
    for (at, _) in text.match_indices("<!-- tools:") {
        let name = text.get(at + 11..).and_then(|rest| rest.split(" -->").next()).unwrap_or_default();
        if !catalogues.iter().any(|(server, _)| *server == name) {
            return Err(format!(
                "README.md has a table <!-- tools:{name} -->, and there is no tools/{name}: remove its section"
            ));
        }
    }
    Ok(text)
}

fn replace(text: &str, marker: &str, table: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {marker} -->"), format!("<!-- /{marker} -->"));
    let parts = text.split_once(&open).and_then(|(before, rest)| Some((before, rest.split_once(&close)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("README.md has no lines {open} and {close}: add them where the table belongs"))?;
    if after.contains(&open) {
        return Err(format!("README.md has {open} twice"));
    }
    Ok(format!("{before}{open}\n{table}{close}{after}"))
}

fn servers(catalogues: &[(&str, &Value)]) -> String {
    let mut table =
        String::from("| server | tools | tokens | default mode | what it is for |\n|---|---|---|---|---|\n");
    for (server, catalogue) in catalogues {
        let list = list(catalogue);
        let writers = list.iter().filter(|tool| tool["access"] == "write").count();
        let _ = writeln!(
            table,
            "| [`mcp-{server}`](tools/{server}) | {} ({} RO, {writers} RW) | {} | {} | {} |",
            list.len(),
            list.len() - writers,
            thousands(catalogue["tokens"].as_u64().unwrap_or_default()),
            catalogue["default_mode"].as_str().unwrap_or_default(),
            cell(&catalogue["description"]),
        );
    }
    table
}

fn tools(catalogue: &Value) -> String {
    let list = list(catalogue);
    let mut table = String::from("| tool | mode | parameters (* required) | what it does |\n|---|---|---|---|\n");
    for tool in list {
        let mode = if tool["access"] == "write" { "RW" } else { "RO" };
        let _ = writeln!(
            table,
            "| `{}` | {mode} | {} | {} |",
            tool["name"].as_str().unwrap_or_default(),
            parameters(&tool["inputSchema"]),
            cell(&tool["description"]),
        );
    }
    let tokens = thousands(catalogue["tokens"].as_u64().unwrap_or_default());
    let _ = writeln!(
        table,
        "\n{} tools, {tokens} tokens of name, description and input schema (four bytes to a token).",
        list.len()
    );
    table
}

fn list(catalogue: &Value) -> &[Value] {
    catalogue["tools"].as_array().map_or(&[], Vec::as_slice)
}

/// Required parameters in the order the schema asks for them, then the others, then the spine's.
fn parameters(schema: &Value) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let optional = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let mut optional: Vec<&str> = optional.filter(|name| !required.contains(name)).collect();
    optional.sort_by_key(|name| (SPINE.contains(name), *name));
    let required = required.iter().map(|name| format!("`{name}`*"));
    required.chain(optional.iter().map(|name| format!("`{name}`"))).collect::<Vec<_>>().join(", ")
}

/// Text as one cell of a table.
fn cell(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Value {
        serde_json::json!({
            "server": "demo", "description": "A|b", "default_mode": "readonly", "tokens": 12345,
            "tools": [
                {"name": "demo_get", "description": "Gets\na thing.", "access": "read", "inputSchema": {
                    "properties": {"budget": {}, "cursor": {}, "zone": {}, "name": {}, "all": {}}, "required": ["zone", "name"]}},
                {"name": "demo_put", "description": "Puts.", "access": "write", "inputSchema": {"properties": {}, "required": []}},
            ],
        })
    }

    const README: &str =
        "# x\n<!-- servers -->\nold\n<!-- /servers -->\nbetween\n<!-- tools:demo -->\n<!-- /tools:demo -->\nend\n";

    #[test]
    fn tables_stand_between_their_markers() {
        let catalogue = catalogue();
        let filled = fill(README, &[("demo", &catalogue)]).unwrap();
        assert_eq!(
            filled,
            "# x\n<!-- servers -->\n\
             | server | tools | tokens | default mode | what it is for |\n|---|---|---|---|---|\n\
             | [`mcp-demo`](tools/demo) | 2 (1 RO, 1 RW) | 12,345 | readonly | A\\|b |\n\
             <!-- /servers -->\nbetween\n<!-- tools:demo -->\n\
             | tool | mode | parameters (* required) | what it does |\n|---|---|---|---|\n\
             | `demo_get` | RO | `zone`*, `name`*, `all`, `budget`, `cursor` | Gets a thing. |\n\
             | `demo_put` | RW |  | Puts. |\n\n\
             2 tools, 12,345 tokens of name, description and input schema (four bytes to a token).\n\
             <!-- /tools:demo -->\nend\n"
        );
        assert_eq!(fill(&filled, &[("demo", &catalogue)]).unwrap(), filled, "filling twice changes nothing");
    }

    #[test]
    fn a_missing_or_forgotten_marker_is_an_error() {
        let catalogue = catalogue();
        let error = fill(README, &[("demo", &catalogue), ("more", &catalogue)]).unwrap_err();
        assert!(error.contains("<!-- tools:more -->"), "{error}");
        let error = fill(README, &[]).unwrap_err();
        assert!(error.contains("no tools/demo"), "{error}");
        assert!(fill("", &[]).unwrap_err().contains("<!-- servers -->"));
        let twice = README.replace("<!-- tools:demo -->", "<!-- servers -->");
        assert!(fill(&twice, &[]).unwrap_err().contains("twice"));
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(thousands), ["0", "12", "999", "1,000", "1,234,567"]);
    }
}
