//! Queries judged by GitHub's own GraphQL schema, with the reference implementation of the language.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Specification;
use crate::npm::Package;

/// GitHub's schema.
const SCHEMA: Package = Package {
    name: "@octokit/graphql-schema",
    version: "15.26.1",
    sha512: "RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
    members: &["package/schema.graphql"],
};

/// The language; of its 16th edition, because the 17th wants a Node younger than most machines have.
const LANGUAGE: Package = Package {
    name: "graphql",
    version: "16.15.0",
    sha512: "32kz9FecohDiC/tgcViwnRXM7HFBVTPiW7pHO+DikKOI5KjhU/jNULOReXsrFqt2WAYbE9xFXsTffJw6iTO8qw==",
    members: &[],
};

/// Says as JSON what is wrong with the query on its input.
const JUDGE: &str = "
const [language, schema] = process.argv.slice(1);
const { buildSchema, parse, validate } = require(language);
const fs = require('node:fs');
const known = buildSchema(fs.readFileSync(schema, 'utf8'), { assumeValidSDL: true });
const errors = (() => {
  try { return validate(known, parse(fs.readFileSync(0, 'utf8'))); } catch (error) { return [error]; }
})();
process.stdout.write(JSON.stringify(errors.map((error) => error.message)));
";

impl Specification {
    /// Why queries cannot be judged here (no node, no npm, no network); nothing if they can.
    pub fn lacks_graphql() -> Option<String> {
        parts().err()
    }

    /// What is wrong with a query, by the schema that GitHub publishes. Ask [`lacks_graphql`](Self::lacks_graphql) first: not being
    /// able to judge is an error here.
    pub fn check_graphql(query: &str) -> Result<(), String> {
        let [language, schema] = parts()?;
        let mut command = Command::new("node");
        command.args(["-e", JUDGE, "--"]).arg(language).arg(schema);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("no node here: {error}"))?;
        let mut input = child.stdin.take().ok_or("node takes no input")?;
        input.write_all(query.as_bytes()).map_err(|error| format!("node: {error}"))?;
        drop(input);
        let output = child.wait_with_output().map_err(|error| format!("node: {error}"))?;
        let said = serde_json::from_slice::<Value>(&output.stdout).ok().filter(|_| output.status.success());
        let Some(Value::Array(errors)) = said else {
            return Err(format!("node: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
        };
        let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }
}

/// The language and the schema.
fn parts() -> Result<[PathBuf; 2], String> {
    let node = Command::new("node").arg("--version").stdin(Stdio::null()).output();
    node.map_err(|error| format!("no node here: {error}"))?;
    Ok([LANGUAGE.directory()?, SCHEMA.directory()?.join("schema.graphql")])
}
