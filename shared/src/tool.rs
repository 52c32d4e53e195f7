//! A tool is a value: one unit struct in one file, and everything else derives from it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use shared::{Answer, Annotations, Call, Read, Result, Text, Tool};
//!
//! /// Says hello.
//! pub struct Hello;
//!
//! #[derive(Deserialize, JsonSchema)]
//! pub struct Params {
//!     /// Who to greet.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! pub struct Greeting {
//!     greeting: String,
//! }
//!
//! impl Answer for Greeting {
//!     fn text(&self, text: &mut Text<'_>) {
//!         text.line(&self.greeting);
//!     }
//! }
//!
//! impl Tool for Hello {
//!     const NAME: &'static str = "demo_hello";
//!     const TITLE: &'static str = "Say hello";
//!     const DESCRIPTION: &'static str = "Greets someone by name.";
//!     const EXAMPLE: &'static str = "name=Ada";
//!     const ANNOTATIONS: Annotations = Annotations::READ;
//!     type Access = Read;
//!     type Server = ();
//!     type Params = Params;
//!     type Output = Greeting;
//!
//!     async fn run(_: Arc<()>, params: Params, _: Call) -> Result<Greeting> {
//!         Ok(Greeting { greeting: format!("hello {}", params.name) })
//!     }
//! }
//! ```

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Answer, Call, Result};

/// Whether a tool may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing, wherever it looks.
    Read,
    /// It changes something: registered only with MODE=readwrite.
    Write,
}

mod sealed {
    pub trait Sealed {}
}

/// [`Access`] as a type, so that a list of readers cannot hold a writer.
pub trait AccessKind: sealed::Sealed + Send + Sync + 'static {
    /// The value of the type.
    const ACCESS: Access;
}

/// The access of a tool that changes nothing.
pub struct Read;
/// The access of a tool that changes something.
pub struct Write;

impl sealed::Sealed for Read {}
impl sealed::Sealed for Write {}
impl AccessKind for Read {
    const ACCESS: Access = Access::Read;
}
impl AccessKind for Write {
    const ACCESS: Access = Access::Write;
}

/// What a client may tell its user about a tool before running it. `readOnlyHint` is not here: it follows from the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotations {
    /// It may remove or overwrite something that was there.
    pub destructive: bool,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It talks to something outside this machine.
    pub open_world: bool,
}

impl Annotations {
    /// A look at something on this machine.
    pub const READ: Self = Self { destructive: false, idempotent: true, open_world: false };
    /// A look at something beyond this machine.
    pub const READ_REMOTE: Self = Self { destructive: false, idempotent: true, open_world: true };
}

/// One tool of a server.
pub trait Tool: Send + Sync + 'static {
    /// The name in `tools/list`: public API.
    const NAME: &'static str;
    /// A few words for a person.
    const TITLE: &'static str;
    /// What it does, for a model.
    const DESCRIPTION: &'static str;
    /// Arguments of an example call as the terminal takes them: `count=5 paths=src`.
    const EXAMPLE: &'static str;
    /// Hints for clients.
    const ANNOTATIONS: Annotations;
    /// How long a call may take.
    const TIMEOUT: Duration = Duration::from_secs(60);
    /// Whether the caller may say how long the answer is: adds the parameter `budget`. Every reader; a writer with much to tell, too.
    const BUDGETED: bool = matches!(Self::Access::ACCESS, Access::Read);
    /// Whether its result comes in pages: adds the parameter `cursor`.
    const PAGED: bool = false;
    /// Other spellings of parameters that models use, with the name they stand for.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// [`Read`] or [`Write`].
    type Access: AccessKind;
    /// The state the tools of its server share.
    type Server: Send + Sync + 'static;
    /// Its parameters; the doc comments are what the model reads. `budget` and `cursor` are the spine's.
    type Params: DeserializeOwned + JsonSchema + Send;
    /// What it answers with.
    type Output: Answer;

    /// Does the work. Panics, timeouts, cancellation, budget, redaction and framing are handled around it.
    fn run(
        server: Arc<Self::Server>,
        params: Self::Params,
        call: Call,
    ) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// The tools of a server in the order they are listed.
pub struct Toolset<S> {
    pub(crate) tools: Vec<Arc<dyn crate::erased::AnyTool<S>>>,
}

impl<S: Send + Sync + 'static> Toolset<S> {
    pub(crate) fn new() -> Self {
        Self { tools: Vec::new() }
    }

    /// Adds a tool that changes nothing.
    pub fn read<T: Tool<Server = S, Access = Read>>(&mut self, tool: T) -> &mut Self {
        self.tools.push(Arc::new(crate::erased::Erased::new(tool)));
        self
    }

    /// Adds a tool that changes something; it exists only with MODE=readwrite.
    pub fn write<T: Tool<Server = S, Access = Write>>(&mut self, tool: T) -> &mut Self {
        self.tools.push(Arc::new(crate::erased::Erased::new(tool)));
        self
    }
}

/// The tools of a server, one line each in the order clients see them. A line declares the module `tools/<verb>.rs` and lists the tool in it;
/// that `read` or `write` is the tool's access is checked by the compiler.
///
/// ```text
/// shared::tools! {
///     crate::Git:
///     read status::Status,
///     write add::Add,
/// }
/// ```
#[macro_export]
macro_rules! tools {
    ($server:ty: $($access:ident $module:ident :: $tool:ident),+ $(,)?) => {
        $(mod $module;)+

        /// Lists every tool in the order clients see them.
        pub(crate) fn list(set: &mut $crate::Toolset<$server>) {
            $(set.$access($module::$tool);)+
        }
    };
}

/// A server: its identity, its tools, and the state they share.
pub trait Server: Send + Sync + Sized + 'static {
    /// `git`: the binary is `mcp-git`, the folder `tools/git`.
    const NAME: &'static str;
    /// One sentence, for the manifest and `--help`.
    const DESCRIPTION: &'static str;
    /// What a model should know about all tools together; sent at initialisation.
    const INSTRUCTIONS: &'static str;
    /// The mode when MODE is unset.
    const DEFAULT_MODE: crate::Mode;
    /// The version of the package.
    const VERSION: &'static str;
    /// The variables an installer should ask a person for; MODE is every server's and not among them.
    const SETTINGS: &'static [crate::manifest::Setting] = &[];

    /// The state before the first call. Reads no file and opens no connection: a server answers `tools/list` with nothing set up.
    fn new(face: Face) -> Self;

    /// Lists the tools.
    fn tools(set: &mut Toolset<Self>);

    /// What a first call will need, checked now.
    fn checks(&self) -> Vec<crate::doctor::Check>;

    /// Confines the process before it starts a thread, where the server can do with less than everything.
    fn confine(&self) {}
}

/// Who runs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// An agent runtime, over stdio or HTTP.
    Protocol,
    /// A person or a script on the command line.
    Terminal,
}
