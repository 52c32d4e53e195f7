//! git over ssh.
//!
//! One connection carries one command, `git-upload-pack '<path>'` or `git-receive-pack '<path>'`, whose standard input and output
//! libgit2 talks to. What the command writes to standard error becomes the words of the error when it fails.

mod leash;
mod login;
mod outcome;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use russh::keys::{Algorithm, EcdsaCurve, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Preferred, SshId, client};
use tokio_util::sync::DropGuard;

pub(super) use self::login::check_key;
use self::outcome::{broken, ended};
use super::daemon;
use super::known_hosts::KnownHost;
use super::operation::Operation;
use super::url::{GitUrl, Scheme};
use super::words::Words;
use shared::{Code, Result, ToolError};

/// Host key algorithms we can check. RSA is not among them.
const HOST_KEYS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];

/// The user name when the address has none: what every forge uses. The name of this process's user would mean nothing there.
const DEFAULT_USER: &str = "git";

/// Small writes are gathered up to this size, one ssh packet.
const PACKET: usize = 32 * 1024;

/// How much may arrive while we are still writing before reading stops.
const BACKLOG: usize = 8 << 20;

/// How long a connection that is no longer needed may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// The program that `service` means.
///
/// # Errors
/// [`Code::Internal`] for the second half of a conversation, which reuses the stream of the first.
pub(crate) fn program(service: Service) -> Result<&'static str> {
    match service {
        Service::UploadPackLs => Ok("git-upload-pack"),
        Service::ReceivePackLs => Ok("git-receive-pack"),
        Service::UploadPack | Service::ReceivePack => {
            Err(ToolError::internal("transfer with the remote: a second stream was asked for on one connection"))
        }
    }
}

/// `path` as one word of a POSIX shell. csh would expand `!` inside the quotes, so it is kept outside, as git does.
fn quoted(path: &str) -> String {
    let mut word = String::with_capacity(path.len() + 2);
    word.push('\'');
    for c in path.chars() {
        match c {
            '\'' => word.push_str("'\\''"),
            '!' => word.push_str("'\\!'"),
            c => word.push(c),
        }
    }
    word.push('\'');
    word
}

/// The subtransport that libgit2 drives.
pub(crate) struct Ssh(Operation);

impl Ssh {
    pub(crate) fn new(operation: Operation) -> Self {
        Self(operation)
    }

    fn open(&self, url: &str, service: Service) -> Result<Command> {
        let operation = &self.0;
        let url = operation.network().check(url)?;
        if url.scheme() != Scheme::Ssh {
            return Err(ToolError::internal("transfer with the remote: the ssh transport got another address"));
        }
        let command = format!("{} {}", program(service)?, quoted(url.path()));
        operation.wait(async { Command::start(operation, &url, &command).await })
    }
}

impl SmartSubtransport for Ssh {
    fn action(&self, url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let stream = self.0.git(self.open(url, service))?;
        Ok(Box::new(stream))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Decides about the host key; the reason for a refusal goes to the operation, because the library only has a yes and a no.
struct Verifier {
    operation: Operation,
    known: Arc<KnownHost>,
}

impl client::Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let verdict = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.known.verify(key),
            PublicKeyOrCertificate::Certificate(_) => Err(ToolError::new(
                Code::Forbidden,
                "verify the host key: the host shows a certificate, which is not supported",
            )),
        };
        Ok(verdict.map_err(|error| self.operation.fail(error)).is_ok())
    }
}

type Session = client::Handle<Verifier>;

/// A command running on the other side.
struct Command {
    operation: Operation,
    place: String,
    session: Option<Session>,
    leash: Option<DropGuard>,
    read: ChannelReadHalf,
    write: Option<ChannelWriteHalf<client::Msg>>,
    gathered: BytesMut,
    arrived: VecDeque<Bytes>,
    backlog: usize,
    stderr: Words,
    eof: bool,
    closed: bool,
    exit: Option<u32>,
}

impl Command {
    async fn start(operation: &Operation, url: &GitUrl, command: &str) -> Result<Self> {
        let (host, port) = (url.host().unwrap_or_default(), url.port().unwrap_or(22));
        let place = if port == 22 { host.to_owned() } else { format!("{host}:{port}") };
        let known = Arc::new(KnownHost::load(operation.network().environment(), host, port)?);
        let config = client::Config {
            client_id: SshId::Standard(concat!("SSH-2.0-agent-tools_", env!("CARGO_PKG_VERSION")).into()),
            preferred: Preferred { key: known.preferred(&HOST_KEYS).into(), ..Preferred::DEFAULT },
            keepalive_interval: Some(Duration::from_secs(15)),
            nodelay: true,
            ..client::Config::default()
        };
        let (stream, leash) = leash::leash(daemon::connect(url).await?);
        let verifier = Verifier { operation: operation.clone(), known };
        let mut session =
            client::connect_stream(Arc::new(config), stream, verifier).await.map_err(|error| broken(&place, &error))?;
        let user = url.user().unwrap_or(DEFAULT_USER);
        login::log_in(operation, &mut session, user, &place).await?;
        let lost = |error| broken(&place, &error);
        let channel = session.channel_open_session().await.map_err(lost)?;
        channel.exec(true, command).await.map_err(lost)?;
        let (read, write) = channel.split();
        let mut command = Self {
            operation: operation.clone(),
            place,
            session: Some(session),
            leash: Some(leash),
            read,
            write: Some(write),
            gathered: BytesMut::new(),
            arrived: VecDeque::new(),
            backlog: 0,
            stderr: Words::default(),
            eof: false,
            closed: false,
            exit: None,
        };
        command.accepted().await?;
        Ok(command)
    }

    /// Waits until the server has taken the command; what a fast command has written already is kept.
    async fn accepted(&mut self) -> Result<()> {
        loop {
            match self.read.wait().await {
                Some(ChannelMsg::Success) => return Ok(()),
                Some(ChannelMsg::Failure) => {
                    return Err(ToolError::new(
                        Code::Forbidden,
                        format!("use {}: it does not run git commands for this user", self.place),
                    )
                    .hint("check the user name in the address"));
                }
                message => self.absorb(message)?,
            }
            if self.closed {
                return self.ended().map(|_| ());
            }
        }
    }

    fn absorb(&mut self, message: Option<ChannelMsg>) -> Result<()> {
        match message {
            Some(ChannelMsg::Data { data }) => {
                self.operation.received(data.len())?;
                self.backlog += data.len();
                self.arrived.push_back(data);
            }
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                self.operation.received(data.len())?;
                self.stderr.push(&data);
            }
            Some(ChannelMsg::Eof) => self.eof = true,
            Some(ChannelMsg::ExitStatus { exit_status }) => self.exit = Some(exit_status),
            Some(ChannelMsg::ExitSignal { .. }) => self.exit = Some(128),
            Some(ChannelMsg::Close) | None => self.closed = true,
            Some(_) => {}
        }
        Ok(())
    }

    /// The end of the command's output: an orderly one, or the error it stands for.
    fn ended(&self) -> Result<usize> {
        ended(&self.place, self.exit, self.eof, self.operation.said(&self.stderr)).map(|()| 0)
    }

    fn pull(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.send()?;
        let operation = self.operation.clone();
        loop {
            if let Some(front) = self.arrived.front_mut() {
                let count = front.len().min(buffer.len());
                front.copy_to_slice(&mut buffer[..count]);
                if front.is_empty() {
                    self.arrived.pop_front();
                }
                self.backlog -= count;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                continue;
            }
            // The exit status usually follows the end of the output.
            if self.closed || (self.eof && self.exit.is_some()) {
                return self.ended();
            }
            operation.wait(async {
                let message = self.read.wait().await;
                self.absorb(message)
            })?;
        }
    }

    /// Sends what was gathered, and takes in what arrives meanwhile: a server that cannot get rid of its output stops reading.
    fn send(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let data = self.gathered.split().freeze();
        self.operation.sent(data.len());
        let Some(write) = self.write.take() else { return self.ended().map(|_| ()) };
        let operation = self.operation.clone();
        let sent = operation.wait(async {
            let sending = write.data_bytes(data);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    biased;
                    sent = &mut sending => return sent.map_err(|error| broken(&self.place, &error)),
                    message = self.read.wait(), if self.backlog < BACKLOG => {
                        self.absorb(message)?;
                        if self.closed || self.exit.is_some() {
                            // Nobody reads any more. The reading side finds out why; an orderly end in mid-push is none.
                            self.ended()?;
                            return Err(broken(&self.place, &russh::Error::Disconnect));
                        }
                    }
                }
            }
        });
        self.write = Some(write);
        sent
    }
}

impl Read for Command {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pull(buffer);
        self.operation.clone().io(read)
    }
}

impl Write for Command {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(buffer);
        if self.gathered.len() >= PACKET {
            let sent = self.send();
            self.operation.io(sent)?;
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says goodbye in the background: libgit2's last flush, which keeps the server from complaining, and the end of the connection.
impl Drop for Command {
    fn drop(&mut self) {
        let (Some(session), Some(write)) = (self.session.take(), self.write.take()) else { return };
        let (rest, leash) = (self.gathered.split().freeze(), self.leash.take());
        self.operation.network().runtime().spawn(async move {
            let goodbye = async {
                if !rest.is_empty() {
                    write.data_bytes(rest).await.ok();
                }
                write.eof().await.ok();
                session.disconnect(Disconnect::ByApplication, "", "").await.ok();
            };
            tokio::time::timeout(GOODBYE, goodbye).await.ok();
            drop(leash);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_the_shell() {
        for (path, word) in [
            ("/a/b.git", "'/a/b.git'"),
            ("a'b", "'a'\\''b'"),
            ("';id;'", "''\\'';id;'\\'''"),
            ("$(id)`id`\\", "'$(id)`id`\\'"),
            ("a!b", "'a'\\!'b'"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
