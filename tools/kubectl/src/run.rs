//! The one place that starts kubectl.

use std::time::Duration;

use shared::{
    Call, Code, Result,
    exec::{Argv, CancellationToken, Capture, Command, Ended, Outcome, Program},
};
use tokio::sync::SemaphorePermit;

use crate::{
    Kubectl, failure,
    resource::Resource,
    scope::{Place, Scope},
};

/// How long a look may take.
pub const LOOK: Duration = Duration::from_secs(30);
/// How long a look on the side may take, for the sake of an error or a heading.
pub const QUICK: Duration = Duration::from_secs(8);
/// How many calls that are expected to be short run kubectl at once.
pub(crate) const TURNS: usize = 32;
/// How long one request to the API server may take, in kubectl's spelling: a server that does not answer is noticed before the call ends.
pub const REQUEST: &str = "20s";

/// What kubectl may know of our environment besides HOME, PATH and the like: where the cluster is, how to get through to it, and what the
/// credential plug-ins of the large clouds need.
const INHERITED: &[&str] = &[
    "KUBECONFIG",
    "KUBECACHEDIR",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "POD_NAMESPACE",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AZURE_AUTHORITY_HOST",
    "AZURE_CLIENT_ID",
    "AZURE_CONFIG_DIR",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_TENANT_ID",
    "CLOUDSDK_CONFIG",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "USE_GKE_GCLOUD_AUTH_PLUGIN",
];

/// A call of kubectl, before it is made.
pub struct Request<'a> {
    argv: Argv,
    scope: &'a Scope,
    resource: Option<&'a Resource>,
    stdin: Option<Vec<u8>>,
    stdout: Capture<'a>,
    stderr: Capture<'a>,
    timeout: Duration,
    streaming: bool,
}

impl<'a> Request<'a> {
    /// `argv` on `scope`, which has to be what `argv` was made with: it is what the answer's first line is taken from.
    pub fn new(argv: Argv, scope: &'a Scope) -> Self {
        Self {
            argv,
            scope,
            resource: None,
            stdin: None,
            stdout: Capture::default(),
            stderr: Capture::default(),
            timeout: LOOK,
            streaming: false,
        }
    }

    /// What the call is about, so that an error can name what is like it.
    #[must_use]
    pub fn about(mut self, resource: &'a Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Bytes for stdin.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// What to keep of stdout; by default both ends.
    #[must_use]
    pub fn stdout(mut self, capture: Capture<'a>) -> Self {
        self.stdout = capture;
        self
    }

    /// What to keep of stderr, where errors are not read from it as everywhere else.
    #[must_use]
    pub fn stderr(mut self, capture: Capture<'a>) -> Self {
        self.stderr = capture;
        self
    }

    /// How long kubectl may take; 30 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long kubectl may take.
    pub fn time(&self) -> Duration {
        self.timeout
    }

    /// One request is expected to last (a log that is followed, a command that runs): only the timeout of the whole ends it.
    #[must_use]
    pub fn streaming(mut self) -> Self {
        self.streaming = true;
        self
    }
}

/// What a call came to, and where it was made.
#[derive(Debug)]
pub struct Done {
    /// The scope that was really used.
    pub place: Place,
    /// What kubectl said.
    pub outcome: Outcome,
}

impl Done {
    /// What kubectl wrote to stderr although all went well: warnings, and that nothing was found.
    pub fn stderr(&self) -> String {
        failure::words(&self.outcome)
    }
}

/// kubectl with its environment. Its own preferences are switched off: aliases and default flags of a person have no place in an agent's
/// call.
pub(crate) fn command<'a>(program: &Program, argv: Argv, timeout: Duration) -> Result<Command<'a>> {
    let command = Command::new(program).argv(argv).inherit(INHERITED).timeout(timeout);
    command.env("KUBERC", "off")?.env("KUBECTL_KUBERC", "false")
}

impl Kubectl {
    /// Makes the call; anything but exit code 0 is an error that says what to do.
    pub async fn run(&self, request: Request<'_>, call: &Call) -> Result<Done> {
        let (scope, resource) = (request.scope, request.resource);
        let done = self.attempt(request, call).await?;
        if done.outcome.success() {
            return Ok(done);
        }
        Err(self.explain(&failure::words(&done.outcome), &done.place, scope, resource, call).await)
    }

    /// Makes the call and answers whatever the exit code was. What went wrong before kubectl could say what it did is still an error: no
    /// kubectl, no kubeconfig, no such context, no time left.
    pub async fn attempt(&self, request: Request<'_>, call: &Call) -> Result<Done> {
        let timeout = request.timeout;
        let done = self.begin(request, call).await?;
        failure::cut_short(&done.outcome, &done.place, timeout)?;
        Ok(done)
    }

    /// The same for a call of which also a part is worth something: that its time ran out is no error, but how it ended.
    pub async fn begin(&self, request: Request<'_>, call: &Call) -> Result<Done> {
        let Request { argv, scope, resource, stdin, stdout, stderr, timeout, streaming } = request;
        let argv = if streaming { argv } else { argv.flag_value("--request-timeout", REQUEST)? };
        // First: without a context kubectl would turn to whatever listens on this machine, and an error after it has begun would deny
        // what was done.
        let place = self.contexts(call).await?.place(scope)?;
        let place = if resource.is_some_and(Resource::is_cluster_wide) { place.cluster_wide() } else { place };
        let _turn = if streaming { None } else { Some(self.turn(call).await?) };
        let outcome = self.start(argv, stdin, stdout, stderr, timeout, call).await?;
        Ok(Done { place, outcome })
    }

    /// Makes a call that nothing stops but its own time: what has to be done although the caller has gone away.
    pub(crate) async fn unstoppable(&self, argv: Argv) -> Result<Outcome> {
        let argv = argv.flag_value("--request-timeout", REQUEST)?;
        command(self.program()?, argv, LOOK)?.run(&CancellationToken::new()).await
    }

    /// Waits for a turn among the calls that are short: a hundred of them at once are a queue, not a hundred kubectls that all run out of
    /// time. What may last takes none, so that it holds up nobody.
    async fn turn(&self, call: &Call) -> Result<SemaphorePermit<'_>> {
        tokio::select! {
            turn = self.turns.acquire() => turn.map_err(|_| call.stopped()),
            () = call.cancellation().cancelled() => Err(call.stopped()),
        }
    }

    /// Starts kubectl.
    pub(crate) async fn start(
        &self,
        argv: Argv,
        stdin: Option<Vec<u8>>,
        stdout: Capture<'_>,
        stderr: Capture<'_>,
        timeout: Duration,
        call: &Call,
    ) -> Result<Outcome> {
        let mut command = command(self.program()?, argv, timeout)?.stdout(stdout).stderr(stderr);
        if let Some(stdin) = stdin {
            command = command.stdin(stdin);
        }
        let outcome = match command.run(call.cancellation()).await {
            Err(error) if error.code() == Code::Cancelled => return Err(call.stopped()),
            ran => ran?,
        };
        if outcome.ended != Ended::Cancelled {
            return Ok(outcome);
        }
        let said = failure::words(&outcome);
        Err(if said.is_empty() { call.stopped() } else { call.stopped().with_said(said) })
    }
}
