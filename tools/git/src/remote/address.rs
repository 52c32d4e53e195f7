//! Which network addresses a repository may live at.
//!
//! A git server on a private network is ordinary, so a host that the caller names may be private or loopback. What no git server
//! lives at (link-local, where clouds keep their metadata services; multicast; the unspecified address) is refused everywhere, and a
//! *redirect* to another host may not lead into the private network either. The check is made on the resolved address at the moment
//! of connecting, so a name that resolves differently the second time does not get around it. Behind an HTTP proxy only literal
//! addresses can be checked here: the proxy resolves the names, and its operator decides where they may lead.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How the host came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The caller, or the repository's configuration, named it.
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
pub(crate) fn forbidden(ip: IpAddr, reach: Reach) -> Option<&'static str> {
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

/// The addresses of `host` that may be connected to; an error names the reason when there is none.
pub(crate) async fn resolve(host: &str, port: u16, reach: Reach) -> io::Result<Vec<SocketAddr>> {
    let mut reason = "the name has no address";
    let mut allowed = Vec::new();
    for address in tokio::net::lookup_host((host, port)).await? {
        match forbidden(address.ip(), reach) {
            Some(kind) => reason = kind,
            None => allowed.push(address),
        }
    }
    if allowed.is_empty() { Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)) } else { Ok(allowed) }
}

/// Name resolution for the HTTP client, held to [`forbidden`].
pub(crate) struct GuardedResolver(pub(crate) Reach);

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
}
