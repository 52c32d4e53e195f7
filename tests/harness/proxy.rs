//! A web proxy that tunnels: it answers `CONNECT` and nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::git_http::FAR;

/// The most a head may have.
const HEAD: usize = 16 * 1024;

/// A running proxy; it ends when dropped.
pub struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that wants `login` (user and password), when there is one. It knows [`FAR`] as this machine.
    pub fn start(login: Option<(&str, &str)>) -> Self {
        let wanted = login.map(|(user, password)| {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            format!("proxy-authorization: basic {basic}")
        });
        let (listener, address) = crate::listen();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let accepting = crate::runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, Arc::clone(&seen), wanted.clone()));
            }
        });
        Self { address, heads, accepting }
    }

    /// The address for HTTPS_PROXY, with `login` in front when there is one (`user:password`).
    pub fn address(&self, login: Option<&str>) -> String {
        match login {
            Some(login) => format!("http://{login}@{}", self.address),
            None => format!("http://{}", self.address),
        }
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("lock").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What ends a tunnel early is what tests are about: nothing is reported.
async fn tunnel(mut client: TcpStream, seen: Arc<Mutex<Vec<String>>>, wanted: Option<String>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    seen.lock().expect("lock").push(head.clone());
    let allowed = wanted.is_none_or(|wanted| head.lines().any(|line| line.eq_ignore_ascii_case(&wanted)));
    if !allowed {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"proxy\"\r\ncontent-length: 0\r\n\r\n";
        return client.write_all(refusal).await.ok();
    }
    let (host, port) = head.strip_prefix("CONNECT ")?.split_whitespace().next()?.rsplit_once(':')?;
    let host = if host == FAR { "127.0.0.1" } else { host };
    let Ok(mut server) = TcpStream::connect((host, port.parse::<u16>().ok()?)).await else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await.ok();
    };
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok().map(|_| ())
}
