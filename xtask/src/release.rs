//! `cargo xtask release`: builds every server as it is shipped, packs it, verifies what was packed by unpacking and running it, and says what there is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use artifacts::{
    layout::Layout,
    oci::Platform,
    pack::{self, Facts, Release},
    verify,
};

use crate::{
    dist::{self, Binary, Target},
    run::{self, Result},
};

mod check;
mod clis;
mod options;
mod part;
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

/// A server that is packed and verified, in a layout that has not its place yet.
struct Done {
    server: String,
    staged: tempfile::TempDir,
    rows: Vec<Row>,
}

/// Releases what the arguments say.
pub fn run(arguments: &[&str]) -> Result<ExitCode> {
    if arguments == ["--help"] || arguments == ["-h"] {
        run::out(options::HELP.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments)?;
    let root = run::root()?;
    let target = run::target(&root)?;
    let source = Source::of(&root, &options)?;
    let platforms = platforms(&root, &options)?;
    let context = Context { root, target, options, source, platforms };
    let mut failed = Vec::new();
    let mut rows = Vec::new();
    let mut differs = false;
    for server in context.servers()? {
        match context.release(&server) {
            Ok(done) if context.options.check => {
                let found = check::compare(&context.place(&server), &done.layout()?)?;
                differs |= !found.is_empty();
                found.iter().for_each(|line| run::out(line));
                rows.extend(done.rows);
            }
            Ok(done) => {
                context.publish(&done)?;
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
    Ok(found)
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
        let mut parts = Vec::new();
        let mut sizes = Vec::new();
        for platform in &self.platforms {
            eprintln!("building mcp-{server} for linux/{}", platform.architecture);
            let (part, size) = part::build(self, server, platform)?;
            parts.push(part);
            sizes.push(size);
        }
        // Beside its place, so that it can be moved there in one step.
        fs::create_dir_all(&self.options.output)
            .map_err(|error| format!("{} could not be made: {error}", self.options.output.display()))?;
        let staged =
            tempfile::Builder::new().prefix(&format!(".mcp-{server}-")).tempdir_in(&self.options.output).map_err(
                |error| format!("a directory beside {} could not be made: {error}", self.place(server).display()),
            )?;
        let layout = Layout::create(staged.path()).map_err(|error| error.to_string())?;
        eprintln!("packing mcp-{server}");
        let release = pack::release(&layout, &facts, parts).map_err(|error| error.to_string())?;
        eprintln!("verifying mcp-{server}");
        let rows = self.verify(server, &facts, &layout, &release, &sizes)?;
        Ok(Done { server: server.to_owned(), staged, rows })
    }

    /// What is the same for all platforms.
    fn facts(&self, server: &str) -> Result<Facts> {
        let place = self.root.join("artifacts").join(server);
        let catalogue = run::read(&place.join("catalogue.json"))?;
        let value: serde_json::Value =
            serde_json::from_str(&catalogue).map_err(|error| format!("artifacts/{server}/catalogue.json: {error}"))?;
        Ok(Facts {
            server: server.to_owned(),
            description: value["description"].as_str().unwrap_or_default().to_owned(),
            version: source::version(&self.root, &format!("mcp-{server}"))?,
            revision: self.source.revision.clone(),
            source: self.options.source.clone(),
            licenses: "Apache-2.0".to_owned(),
            created: self.source.created,
            catalogue: catalogue.into_bytes(),
            annotations: [("io.agents.mcp-tool.toolchain".to_owned(), self.source.toolchain.clone())].into(),
        })
    }

    /// Unpacks and runs everything in the layout, and makes the rows of the table.
    fn verify(
        &self,
        server: &str,
        facts: &Facts,
        layout: &Layout,
        release: &Release,
        sizes: &[u64],
    ) -> Result<Vec<Row>> {
        let options = verify::Options { run: true, ..verify::Options::default() };
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

    /// Gives a layout its place, the old one going only when the new one is there.
    fn publish(&self, done: &Done) -> Result<()> {
        let place = self.place(&done.server);
        let failed = |error: std::io::Error| format!("{} could not be replaced: {error}", place.display());
        let old = tempfile::tempdir_in(&self.options.output).map_err(failed)?;
        if place.exists() {
            fs::rename(&place, old.path().join("old")).map_err(failed)?;
        }
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(done.staged.path(), fs::Permissions::from_mode(0o755)).map_err(failed)?;
        fs::rename(done.staged.path(), &place).map_err(failed)
    }
}

impl Done {
    fn layout(&self) -> Result<Layout> {
        Layout::open(self.staged.path()).map_err(|error| error.to_string())
    }
}
