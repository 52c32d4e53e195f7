//! `cargo xtask release`: builds every server as it is shipped, packs it, verifies what was packed by unpacking and running it, and says what there is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use artifacts::{
    layout::{self, Layout},
    oci::{Platform, annotation},
    pack::{self, Facts, Release},
    server_json,
    sign::SigningKey,
    verify,
};

use crate::{
    dist::{self, Binary, Target},
    run::{self, Result},
};

mod check;
mod clis;
mod crates;
mod options;
mod part;
mod push;
mod source;
mod table;

use options::Options;
use source::Source;
use table::Row;

/// What every verb of this kind needs to know.
struct Context {
    root: PathBuf,
    target: PathBuf,
    options: Options,
    source: Source,
    /// What can be built here, this machine's own first.
    platforms: Vec<Target>,
}

/// The public half of the key, beside what it signed.
const PUBLIC_KEY: &str = "cosign.pub";

/// A server that is packed and verified, and has not its place yet.
struct Done {
    server: String,
    facts: Facts,
    /// Holds the layout under `LAYOUT`, and the files that lie beside it in the end.
    staged: tempfile::TempDir,
    rows: Vec<Row>,
}

/// The name of the layout while it is staged.
const LAYOUT: &str = "layout";

/// Releases what the arguments say.
pub fn run(arguments: &[&str]) -> Result<ExitCode> {
    if arguments == ["--help"] || arguments == ["-h"] {
        run::out(options::HELP.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments)?;
    let root = run::root()?;
    clis::check(&root, &options.clis)?;
    let target = run::target(&root)?;
    let source = Source::of(&root)?;
    let platforms = platforms(&root, &options)?;
    let dirty = source.revision.as_ref().is_some_and(|revision| revision.ends_with("-dirty"));
    if dirty && options.registry.is_some() && !options.check {
        return Err("files differ from the commit, and such a release is not pushed: commit them first".to_owned());
    }
    let context = Context { root, target, options, source, platforms };
    let mut failed = Vec::new();
    let mut rows = Vec::new();
    let mut differs = false;
    for server in context.servers()? {
        match context.release(&server) {
            Ok(done) if context.options.check => {
                let mut found = check::compare(&context.place(&server), &done.staged.path().join(LAYOUT))?;
                found.extend(check::files(&context.options.output, done.staged.path())?);
                if found.is_empty() {
                    run::out(&format!("mcp-{server}: the same"));
                }
                differs |= !found.is_empty();
                found.iter().for_each(|line| run::out(line));
                rows.extend(done.rows);
            }
            Ok(done) => {
                context.publish(&done)?;
                if let Err(error) = push::push(&context, &server, &done.facts) {
                    failed.push((server, error));
                }
                rows.extend(done.rows);
            }
            // The others are worth having.
            Err(error) => failed.push((server, error)),
        }
    }
    for line in table::lines(&rows) {
        run::out(&line);
    }
    for (server, error) in &failed {
        eprintln!("error: {server}: {error}");
    }
    if differs {
        eprintln!("error: {} holds something else than what this source makes", context.options.output.display());
    }
    Ok(if failed.is_empty() && !differs { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The command `agent-tools` of this workspace: what opens sockets is not part of xtask, which has to be built before anything else is.
fn command(root: &Path, arguments: &[&str]) -> std::process::Command {
    let mut cargo = run::cargo(root);
    cargo.args(["run", "--quiet", "--package", "agent-tools-artifacts", "--bin", "agent-tools", "--"]).args(arguments);
    cargo
}

/// What can be built here and is wanted; a line for what cannot.
fn platforms(root: &Path, options: &Options) -> Result<Vec<Target>> {
    let mut found = Vec::new();
    for (architecture, target) in Target::all(root)? {
        let platform = Platform::linux(architecture);
        if options.platform.as_ref().is_some_and(|only| *only != platform) {
            continue;
        }
        match target {
            Ok(target) => found.push(target),
            Err(why) if options.platform.is_some() => return Err(format!("{platform} cannot be built here: {why}")),
            Err(why) => eprintln!("{platform} is left out: {why}"),
        }
    }
    match &options.platform {
        Some(platform) if found.is_empty() => {
            Err(format!("nothing is released for {platform}; there are linux/amd64 and linux/arm64"))
        }
        _ => Ok(found),
    }
}

impl Context {
    /// The servers to release.
    fn servers(&self) -> Result<Vec<String>> {
        let all = run::servers(&self.root)?;
        match &self.options.only {
            None => Ok(all),
            Some(only) if all.contains(only) => Ok(vec![only.clone()]),
            Some(only) => Err(format!("there is no server {only:?}; there are: {}", all.join(", "))),
        }
    }

    /// Where the layout of a server lies in the end.
    fn place(&self, server: &str) -> PathBuf {
        self.options.output.join(format!("mcp-{server}"))
    }

    fn release(&self, server: &str) -> Result<Done> {
        let facts = self.facts(server)?;
        let key = self.key()?;
        let (mut parts, mut sizes, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for target in &self.platforms {
            let built = part::build(self, server, &facts, target)?;
            let platform = built.part.platform.dashed();
            files.push((format!("mcp-{server}-{}-{platform}.mcpb", facts.version), built.bundle));
            parts.push(built.part);
            sizes.push(built.size);
        }
        files.extend(
            push::server_json(&self.options, &facts)?.map(|bytes| (format!("mcp-{server}.server.json"), bytes)),
        );
        files.extend(key.as_ref().map(|key| (PUBLIC_KEY.to_owned(), key.public_pem().into_bytes())));

        // Beside its place, so that it can be moved there in one step.
        let output = &self.options.output;
        let failed = |error: std::io::Error| format!("{} could not be written: {error}", output.display());
        fs::create_dir_all(output).map_err(failed)?;
        let staged = tempfile::Builder::new().prefix(&format!(".mcp-{server}-")).tempdir_in(output).map_err(failed)?;
        let layout = Layout::create(&staged.path().join(LAYOUT)).map_err(|error| error.to_string())?;
        for (name, bytes) in files {
            fs::write(staged.path().join(name), bytes).map_err(failed)?;
        }
        eprintln!("packing mcp-{server}");
        let release = pack::release(&layout, &facts, parts).map_err(|error| error.to_string())?;
        if let Some(key) = &key {
            let repository = self.options.repository(server).unwrap_or_else(|| format!("mcp-{server}"));
            pack::sign(&layout, &release, key, &repository).map_err(|error| error.to_string())?;
        }
        eprintln!("verifying mcp-{server}");
        let rows = self.verify(server, &facts, &layout, &release, key.as_ref(), &sizes)?;
        Ok(Done { server: server.to_owned(), facts, staged, rows })
    }

    /// The key to sign with.
    fn key(&self) -> Result<Option<SigningKey>> {
        let Some(path) = &self.options.sign else { return Ok(None) };
        let password = std::env::var("COSIGN_PASSWORD").ok();
        let key = SigningKey::from_pem(&run::read(path)?, password.as_deref());
        key.map(Some).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// What is the same for all platforms.
    fn facts(&self, server: &str) -> Result<Facts> {
        let place = self.root.join("artifacts").join(server);
        let catalogue = run::read(&place.join("catalogue.json"))?;
        let value: serde_json::Value =
            serde_json::from_str(&catalogue).map_err(|error| format!("artifacts/{server}/catalogue.json: {error}"))?;
        let (version, repository) = source::package(&self.root, &format!("mcp-{server}"))?;
        let source = self.options.source.clone().or(repository);
        if source.is_none() {
            eprintln!("no --source, and no repository in Cargo.toml: {} is left out", annotation::SOURCE);
        }
        let label = push::name(&self.options, server).map(|name| (server_json::LABEL.to_owned(), name));
        Ok(Facts {
            server: server.to_owned(),
            description: value["description"].as_str().unwrap_or_default().to_owned(),
            version,
            revision: self.source.revision.clone(),
            source,
            licenses: "Apache-2.0".to_owned(),
            created: self.source.created,
            catalogue: catalogue.into_bytes(),
            annotations: label.into_iter().collect(),
        })
    }

    /// Unpacks and runs everything in the layout, and makes the rows of the table.
    fn verify(
        &self,
        server: &str,
        facts: &Facts,
        layout: &Layout,
        release: &Release,
        key: Option<&SigningKey>,
        sizes: &[u64],
    ) -> Result<Vec<Row>> {
        let key = key.map(SigningKey::verifying);
        let options = verify::Options { run: true, key: key.as_ref() };
        let version = &facts.version;
        let mut reports = Vec::new();
        for tag in [version.clone(), format!("{version}-image")] {
            reports.push(verify::verify(layout, &tag, &options).map_err(|error| format!("{tag}: {error}"))?);
        }
        let catalogue: serde_json::Value = serde_json::from_slice(&facts.catalogue).unwrap_or_default();
        let mut rows = Vec::new();
        for (part, size) in release.parts.iter().zip(sizes) {
            let checked = reports
                .iter()
                .flat_map(|report| &report.manifests)
                .find(|checked| checked.digest == part.artifact.digest);
            rows.push(Row {
                server: server.to_owned(),
                what: format!("{}", part.platform),
                tag: format!("{version}-{}", part.platform.dashed()),
                binary: Some(*size),
                layer: Some(part.layer.size),
                tools: catalogue["tools"].as_array().map(Vec::len),
                tokens: catalogue["tokens"].as_u64(),
                digest: part.artifact.digest.to_string(),
                state: match checked.map(|checked| &checked.ran) {
                    Some(Ok(tool)) => format!("verified, {tool} called"),
                    Some(Err(why)) => format!("verified, not run: {why}"),
                    None => return Err(format!("{} was packed and not looked at", part.artifact.digest)),
                },
            });
        }
        for (what, descriptor, tag) in [
            ("index", &release.index, version.clone()),
            ("image index", &release.image_index, format!("{version}-image")),
        ] {
            rows.push(Row {
                server: server.to_owned(),
                what: what.to_owned(),
                tag,
                digest: descriptor.digest.to_string(),
                state: "verified".to_owned(),
                ..Row::default()
            });
        }
        Ok(rows)
    }

    /// Gives everything its place; the layout in one step, so that there always is one. Files of an earlier release of the server go.
    fn publish(&self, done: &Done) -> Result<()> {
        let place = self.place(&done.server);
        let failed = |error: std::io::Error| format!("{} could not be replaced: {error}", place.display());
        let staged = done.staged.path();
        for file in fs::read_dir(&self.options.output).map_err(failed)?.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let ours = name.starts_with(&format!("mcp-{}-", done.server)) && name.ends_with(".mcpb");
            if ours || name == format!("mcp-{}.server.json", done.server) {
                fs::remove_file(file.path()).map_err(failed)?;
            }
        }
        layout::exchange(&staged.join(LAYOUT), &place).map_err(|error| error.to_string())?;
        for file in fs::read_dir(staged).map_err(failed)? {
            let file = file.map_err(failed)?;
            if file.path().is_file() {
                fs::rename(file.path(), self.options.output.join(file.file_name())).map_err(failed)?;
            }
        }
        Ok(())
    }
}
