//! The git daemon's protocol: a request line on a TCP connection, without login or encryption.
//!
//! libgit2 has a transport for it, which neither cancellation nor our address rules reach; hence this one. Only used when
//! `GIT_ALLOW_PROTOCOLS` adds `git`.

use std::io::{self, Read, Write};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::operation::Operation;
use super::ssh;
use super::url::GitUrl;
use shared::http::address::{self, Reach};
use shared::{Code, Result, ToolError};

/// The subtransport that libgit2 drives.
pub(crate) struct Daemon(Operation);

impl Daemon {
    pub(crate) fn new(operation: Operation) -> Self {
        Self(operation)
    }

    fn open(&self, url: &str, service: Service) -> Result<Connection> {
        let url = self.0.network().check(url)?;
        let program = ssh::program(service)?;
        let stream = self.0.wait(async {
            let mut stream = connect(&url).await?;
            let host = url.host().unwrap_or_default();
            let payload = format!("{program} {}\0host={host}\0", url.path());
            let line = format!("{:04x}{payload}", payload.len() + 4);
            stream.write_all(line.as_bytes()).await.map_err(|error| broken(&error))?;
            Ok(stream)
        })?;
        Ok(Connection { operation: self.0.clone(), stream })
    }
}

impl SmartSubtransport for Daemon {
    fn action(&self, url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let stream = self.0.git(self.open(url, service))?;
        Ok(Box::new(stream))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Opens a TCP connection to the host of `url`, if it lives where a repository may.
///
/// # Errors
/// [`Code::Forbidden`] for a forbidden address, [`Code::Unavailable`] when the host cannot be found or reached.
pub(crate) async fn connect(url: &GitUrl) -> Result<TcpStream> {
    let (host, port) = (url.host().unwrap_or_default(), url.port().unwrap_or_default());
    let addresses =
        address::resolve(host, port, Reach::Named).await.map_err(|error| address::unreachable(host, &error))?;
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
        ToolError::new(Code::Unavailable, format!("connect to {host}:{port}: {}", error.kind()))
            .hint("check the host and port, and that this server may reach them")
    })?;
    stream.set_nodelay(true).ok();
    Ok(stream)
}

fn broken(error: &io::Error) -> ToolError {
    ToolError::new(Code::Unavailable, format!("transfer with the remote: the connection broke off: {}", error.kind()))
        .hint("try again")
}

struct Connection {
    operation: Operation,
    stream: TcpStream,
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stream = &mut self.stream;
        let read = self.operation.wait(async { stream.read(buffer).await.map_err(|error| broken(&error)) });
        let count = self.operation.io(read)?;
        self.operation.io(self.operation.received(count))?;
        Ok(count)
    }
}

impl Write for Connection {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let stream = &mut self.stream;
        let written = self.operation.wait(async { stream.write(buffer).await.map_err(|error| broken(&error)) });
        let count = self.operation.io(written)?;
        self.operation.sent(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
