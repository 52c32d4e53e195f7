//! What the tests need besides cargo, fetched once into `target/test-tools`: the official MCP client in a Python environment, and a registry
//! with its clients, built by Go. A variable that is already set is left as it is. (An ssh server and skopeo, where the machine has none, are
//! fetched by the tests that start them.)

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    go,
    run::{self, Result},
};

/// A program the tests look for in their environment.
pub struct Need {
    /// The variable that names it.
    pub variable: &'static str,
    /// Where it is, or why it is not there.
    pub found: Result<PathBuf>,
}

/// Fetches everything that is not there yet. `place` is where it is kept.
pub fn all(root: &Path, place: &Path) -> Vec<Need> {
    let set = |variable: &'static str, find: &dyn Fn() -> Result<PathBuf>| Need {
        variable,
        found: std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map_or_else(find, |value| Ok(PathBuf::from(value))),
    };
    vec![
        set("AGENT_TOOLS_VENV", &|| python(&root.join("tests/python/requirements.txt"), &place.join("venv"))),
        set("AGENT_TOOLS_OCI", &|| oci(root, place)),
    ]
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
