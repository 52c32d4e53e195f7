//! A file of a publisher that is no registry: a pinned CLI. No credentials are involved, and what comes is believed only for its digest.

use std::{
    fs::File,
    io::{Seek, Write},
};

use reqwest::{Response, StatusCode, Url, header};

use super::{
    Client, body, failure, http, origin,
    retry::{Failure, Patience},
};
use crate::{
    Error, Kind, Result,
    oci::{Digest, Hasher},
    reference::is_loopback,
    transfer::Step,
};

/// No CLI is larger.
const SIZE_MAX: u64 = 512 << 20;

impl Client {
    /// Writes what `url` holds to `into`, from its beginning, and leaves it there. Over https, or from this machine.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if it does not hash to `digest`; [`Kind::Refused`] if it is an HTML page or larger than any CLI; [`Kind::NotFound`],
    /// [`Kind::Unavailable`].
    pub async fn download(&self, url: &str, digest: &Digest, into: &mut File, step: &dyn Step) -> Result<()> {
        let doing = format!("downloading {url}");
        let url: Url = url.parse().map_err(|_| Error::new(Kind::Usage, format!("{url:?} is not an address")))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && url.host_str().is_some_and(is_loopback)) {
            return Err(Error::new(Kind::Usage, format!("{doing}: only https is spoken with other machines")));
        }
        let mut patience = Patience::default();
        loop {
            match self.attempt(&url, &doing, into, step).await {
                Ok(found) if found == *digest => return Ok(()),
                Ok(found) => return Err(Error::corrupt(format!("{doing}: it hashes to {found}, pinned is {digest}"))),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    async fn attempt(&self, url: &Url, doing: &str, into: &mut File, step: &dyn Step) -> Result<Digest, Failure> {
        let written = |error: std::io::Error| Failure::from(Error::new(Kind::Io, format!("{doing}: {error}")));
        into.rewind().and_then(|()| into.set_len(0)).map_err(written)?;
        let mut response = self.get(url, doing).await?;
        if failure::is_html(&response) {
            return Err(Error::refused(format!("{doing}: {}", failure::PAGE)).into());
        }
        let (mut hasher, mut size) = (Hasher::default(), 0);
        while let Some(chunk) = body::chunk(&mut response, doing).await? {
            size += chunk.len() as u64;
            if size > SIZE_MAX {
                return Err(Error::refused(format!("{doing}: it is larger than {SIZE_MAX} bytes, no CLI is")).into());
            }
            hasher.update(&chunk);
            into.write_all(&chunk).map_err(written)?;
            step.reached(size);
        }
        into.rewind().map_err(written)?;
        Ok(hasher.finish())
    }

    /// The answer at the end of the redirects.
    async fn get(&self, url: &Url, doing: &str) -> Result<Response, Failure> {
        let mut url = url.clone();
        for _ in 0..=origin::REDIRECTS_MAX {
            let asked = tokio::time::timeout(body::IDLE, self.0.http.client(&url)?.get(url.clone()).send()).await;
            let response = asked
                .map_err(|_| Failure::passing(Error::new(Kind::Timeout, format!("{doing}: there is no answer"))))?
                .map_err(|error| http::failed(doing, &url, error))?;
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            match (response.status(), location) {
                (StatusCode::OK, _) => return Ok(response),
                (status, Some(location)) if status.is_redirection() => {
                    url = origin::follow(&url, location).map_err(|why| Error::refused(format!("{doing}: {why}")))?;
                }
                _ => return Err(failure::of(doing, response, &self.0.secrets).await),
            }
        }
        Err(Error::refused(format!("{doing}: it is redirected more than {} times", origin::REDIRECTS_MAX)).into())
    }
}
