//! HTTP as a client: one policy for every server that speaks it.
//!
//! What must not happen, whoever asks:
//! * no address is connected to that no server lives at ([`address`]), and no redirect leads into the private network;
//! * no redirect is followed and no request repeated but by a caller who decided to ([`origin`], [`connect`]);
//! * the environment's proxies and authorities are read by us, once, at a moment of ours ([`proxy`], [`tls`]);
//! * no error repeats more of an address than where it is: the rest may be a secret.

pub mod address;
pub mod body;
pub mod bounds;
pub mod client;
pub mod connect;
pub mod etags;
pub mod limits;
pub mod origin;
pub mod proxy;
mod read;
pub mod retry;
pub mod tls;
