//! Which network addresses a server may live at.
//!
//! A server on a private network is ordinary, so a host that was named may be private or loopback. What no such server
//! lives at (link-local, where clouds keep their metadata services; multicast; the unspecified address) is refused everywhere, and a
//! *redirect* to another host may not lead into the private network either. The check is made on the resolved address at the moment
//! of connecting, so a name that resolves differently the second time does not get around it. Behind an HTTP proxy only literal
//! addresses can be checked here: the proxy resolves the names, and its operator decides where they may lead.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::origin;
use crate::error::{Code, Result, ToolError};

/// How the host came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The caller, the operator or a configuration named it.
    Named,
    /// A server's redirect named it.
    Redirected,
}

/// Metadata services outside the link-local range: Alibaba, Oracle, Azure.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];

/// AWS, over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The kind of forbidden place `ip` is, or `None` when it may be connected to.
pub fn forbidden(ip: IpAddr, reach: Reach) -> Option<&'static str> {
    let ip = unwrap_v4(ip);
    match ip {
        IpAddr::V4(v4) if METADATA_V4.contains(&v4) => return Some("a metadata service"),
        IpAddr::V6(v6) if v6 == METADATA_V6 => return Some("a metadata service"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.is_broadcast() => return Some("an unspecified address"),
        IpAddr::V4(v4) if v4.is_link_local() => return Some("a link-local address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => return Some("a link-local address"),
        ip if ip.is_unspecified() => return Some("an unspecified address"),
        ip if ip.is_multicast() => return Some("a multicast address"),
        _ => {}
    }
    if reach == Reach::Named {
        return None;
    }
    match ip {
        ip if ip.is_loopback() => Some("a loopback address"),
        IpAddr::V4(v4) if v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64) => {
            Some("a private address")
        }
        IpAddr::V6(v6) if v6.is_unique_local() => Some("a private address"),
        _ => None,
    }
}

/// IPv4 in its IPv6 disguises: mapped (`::ffff:a.b.c.d`), and the NAT64 prefix `64:ff9b::/96`.
fn unwrap_v4(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => match v6.octets() {
            [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => v6.to_canonical(),
        },
        v4 => v4,
    }
}

/// The addresses of `host` that may be connected to.
///
/// # Errors
/// Those of the resolver; [`io::ErrorKind::PermissionDenied`], with the reason as its text, when there is none that may be.
/// [`unreachable()`] puts either in words.
pub async fn resolve(host: &str, port: u16, reach: Reach) -> io::Result<Vec<SocketAddr>> {
    let mut reason = "the name has no address";
    let mut allowed = Vec::new();
    for address in tokio::net::lookup_host((host, port)).await? {
        match forbidden(address.ip(), reach) {
            Some(kind) => reason = kind,
            None => allowed.push(address),
        }
    }
    if allowed.is_empty() { Err(denied(reason)) } else { Ok(allowed) }
}

/// Holds the host of `url` against [`forbidden`] when it is an address already: one that is never resolved is not seen by
/// [`GuardedResolver`]. Ask before every request.
///
/// # Errors
/// [`Code::Forbidden`] for a forbidden address.
pub fn check(url: &Url, reach: Reach) -> Result<()> {
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    match forbidden(literal, reach) {
        Some(kind) => Err(unreachable(&origin::place(url), &denied(kind))),
        None => Ok(()),
    }
}

/// The error for a name that leads nowhere, or where it must not.
pub fn unreachable(host: &str, error: &io::Error) -> ToolError {
    if is_denied(error) {
        return ToolError::new(
            Code::Forbidden,
            format!("connect to {host}: it leads to {error}, which is not allowed"),
        )
        .hint("use another address of the server");
    }
    ToolError::new(Code::Unavailable, format!("find the address of {host}: {error}")).hint("check the host name")
}

fn denied(kind: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, kind)
}

/// Whether `error` is a refusal of this module. One of the kernel's, as a firewall or Landlock causes it, has a number.
pub(super) fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Name resolution for the HTTP client, held to [`forbidden`].
#[derive(Clone, Copy, Debug)]
pub struct GuardedResolver(pub Reach);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, reach).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_reach() {
        for (text, named, redirected) in [
            ("140.82.112.3", true, true),
            ("2606:50c0::1", true, true),
            ("127.0.0.1", true, false),
            ("::1", true, false),
            ("10.1.2.3", true, false),
            ("172.16.0.1", true, false),
            ("192.168.1.1", true, false),
            ("100.64.0.1", true, false),
            ("fd12::1", true, false),
            ("::ffff:10.0.0.1", true, false),
            ("::ffff:127.0.0.1", true, false),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("fd00:ec2::254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("255.255.255.255", false, false),
            ("100.100.100.200", false, false),
        ] {
            let ip: IpAddr = text.parse().expect(text);
            assert_eq!(forbidden(ip, Reach::Named).is_none(), named, "{text} named");
            assert_eq!(forbidden(ip, Reach::Redirected).is_none(), redirected, "{text} redirected");
        }
    }

    #[test]
    fn an_address_in_a_url_is_seen_however_it_is_spelt() {
        for (text, named, redirected) in [
            ("https://example.com/", true, true),
            ("https://140.82.112.3/", true, true),
            ("http://127.0.0.1:8080/", true, false),
            ("http://2130706433/", true, false),
            ("http://0x7f.1/", true, false),
            ("http://[::1]/", true, false),
            ("http://169.254.169.254/latest/meta-data", false, false),
            ("http://2852039166/", false, false),
            ("http://0251.0376.0251.0376/", false, false),
            ("http://[::ffff:a9fe:a9fe]/", false, false),
            ("http://[fd00:ec2::254]/", false, false),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!(check(&url, Reach::Named).is_ok(), named, "{text} named");
            assert_eq!(check(&url, Reach::Redirected).is_ok(), redirected, "{text} redirected");
        }
        let error = check(&Url::parse("http://u:hunter2@169.254.169.254/x?y=hunter2").expect("url"), Reach::Named);
        let error = error.expect_err("forbidden");
        assert_eq!(error.code(), Code::Forbidden);
        assert_eq!(
            error.message(),
            "connect to http://169.254.169.254: it leads to a link-local address, which is not allowed"
        );
    }

    #[tokio::test]
    async fn a_name_is_held_to_where_it_leads() {
        assert!(resolve("localhost", 80, Reach::Named).await.is_ok());
        let error = resolve("localhost", 80, Reach::Redirected).await.expect_err("loopback");
        assert!(is_denied(&error) && unreachable("localhost", &error).code() == Code::Forbidden, "{error}");
        assert!(!is_denied(&io::Error::from_raw_os_error(13)));
    }
}
