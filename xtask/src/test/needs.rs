//! What the tests need besides cargo, fetched once into `target/test-tools`: the official MCP client in a Python environment, and a registry
//! with its clients, built by Go. A variable that is already set is left as it is. (An ssh server and skopeo, where the machine has none, are
//! fetched by the tests that start them.)

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cluster, go,
    run::{self, Result},
};

/// A program the tests look for in their environment.
pub struct Need {
    /// The variable that names it.
    pub variable: &'static str,
    /// Where it is, or why it is not there.
    pub found: Result<PathBuf>,
}

impl Need {
    /// What the environment says, or else what `find` finds.
    fn new(variable: &'static str, find: impl FnOnce() -> Result<PathBuf>) -> Self {
        let given = std::env::var_os(variable).filter(|value| !value.is_empty());
        Self { variable, found: given.map_or_else(find, |value| Ok(PathBuf::from(value))) }
    }

    /// Names it to `cargo`, and says where it is or why it is not there.
    pub fn tell(self, cargo: &mut Command) {
        match self.found {
            Ok(path) => {
                eprintln!("{}={}", self.variable, path.display());
                cargo.env(self.variable, path);
            }
            Err(reason) => {
                eprintln!("{} is not set: {reason}", self.variable);
                cargo.env_remove(self.variable);
            }
        }
    }
}

/// Fetches everything that is not there yet. `place` is where it is kept.
pub fn all(root: &Path, place: &Path) -> Vec<Need> {
    vec![
        Need::new("AGENT_TOOLS_VENV", || python(&root.join("tests/python/requirements.txt"), &place.join("venv"))),
        Need::new("AGENT_TOOLS_OCI", || oci(root, place)),
    ]
}

/// The directory with the programs of Flux that a cluster can have, for tests with one of their own.
pub fn flux(root: &Path) -> Need {
    Need::new("AGENT_TOOLS_FLUX", || cluster::flux_directory(root))
}

/// The directory with a registry, crane and oras.
pub fn oci(root: &Path, place: &Path) -> Result<PathBuf> {
    let module = go::Module { path: root.join("tests/registry"), ..go::Module::default() };
    module.built(&place.join("go"), &module.tools()?)
}

/// The interpreter of an environment that holds exactly what `requirements` says. A copy of them, written last, marks it complete.
fn python(requirements: &Path, venv: &Path) -> Result<PathBuf> {
    let wanted = run::read(requirements)?;
    let (marker, python) = (venv.join("requirements.txt"), venv.join("bin/python"));
    if python.exists() && fs::read_to_string(&marker).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    eprintln!("fetching the official MCP client");
    run::stdout(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run::stdout(&mut pip)?;
    run::write(&marker, &wanted)?;
    Ok(python)
}
