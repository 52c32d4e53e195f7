//! Blobs, on their way here.

use std::io::Write;

use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE},
};

use super::{
    Repository, body, failure,
    retry::{Failure, Patience},
    session::Ask,
};
use crate::{
    Error, Kind, Result,
    oci::{Descriptor, Digest, Hasher},
    transfer::Step,
};

/// So often a download is taken up in all, whatever the progress.
const CUTS_MAX: usize = 50;

impl Repository {
    /// Whether the blob of `digest` is there.
    ///
    /// # Errors
    ///
    /// As for every request; `404` is an answer here.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool> {
        let doing = format!("looking up the blob {digest} in {}", self.name());
        let ask = Ask::new(doing, Method::HEAD, self.session.url(&format!("blobs/{digest}")).await?);
        Ok(self.session.ask(&ask, &[200, 404]).await?.status() == StatusCode::OK)
    }

    /// Writes the blob of `descriptor` to `into`, from where it was cut if it is. When this returns without an error, what was written has the
    /// promised digest and size; otherwise what was written is worth nothing.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if it is another or larger; [`Kind::NotFound`]; [`Kind::Io`] if `into` fails; others as for every request.
    pub async fn blob(&self, descriptor: &Descriptor, into: &mut (dyn Write + Send), step: &dyn Step) -> Result<()> {
        let doing = format!("fetching the blob {} of {}", descriptor.digest, self.name());
        let url = self.session.url(&format!("blobs/{}", descriptor.digest)).await?;
        let mut progress = Progress { into, hasher: Hasher::default(), written: 0, step };
        let (mut patience, mut cuts) = (Patience::default(), 0);
        loop {
            let before = progress.written;
            let mut ask = Ask::new(&doing, Method::GET, url.clone()).header(ACCEPT_ENCODING, "identity")?;
            if before > 0 {
                ask = ask.header(RANGE, &format!("bytes={before}-"))?;
            }
            match self.part(&ask, descriptor, &mut progress).await {
                Ok(()) => break,
                Err(failure) => {
                    cuts += 1;
                    if progress.written > before && cuts < CUTS_MAX {
                        patience.progress();
                    }
                    patience.after(failure).await?;
                }
            }
        }
        let found = progress.hasher.finish();
        if found != descriptor.digest {
            return Err(Error::corrupt(format!("{doing}: what came hashes to {found}")));
        }
        Ok(())
    }

    /// Reads what is missing, or as much of it as comes.
    async fn part(&self, ask: &Ask, descriptor: &Descriptor, progress: &mut Progress<'_>) -> Result<(), Failure> {
        if progress.written == descriptor.size && progress.written > 0 {
            return Ok(());
        }
        let response = self.session.once(ask).await?;
        let mut response = self.session.expect(ask, response, &[200, 206]).await?;
        // What the registry sends again because it knows no ranges.
        let mut skip = match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(progress.written) => 0,
            StatusCode::PARTIAL_CONTENT => {
                return Err(Error::refused(format!(
                    "{}: the registry sent another part than was asked for",
                    ask.doing
                ))
                .into());
            }
            _ => progress.written,
        };
        let promised = descriptor.size;
        let too_much = || Error::corrupt(format!("{}: it is larger than the {promised} bytes promised", ask.doing));
        let left = promised - progress.written + skip;
        if failure::is_html(&response) && response.content_length() != Some(left) {
            return Err(Error::refused(format!("{}: {}", ask.doing, failure::PAGE)).into());
        }
        if response.content_length().is_some_and(|length| length > left) {
            return Err(too_much().into());
        }
        while let Some(mut chunk) = body::chunk(&mut response, &ask.doing).await? {
            let known = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
            skip -= known as u64;
            let chunk = chunk.split_off(known);
            if progress.written + chunk.len() as u64 > promised {
                return Err(too_much().into());
            }
            progress.take(&chunk).map_err(|error| Error::new(Kind::Io, format!("{}: {error}", ask.doing)))?;
        }
        if progress.written < promised {
            let written = progress.written;
            // It may be a cut that looks like an end.
            return Err(Failure::passing(Error::corrupt(format!(
                "{}: it ended after {written} of {promised} bytes",
                ask.doing
            ))));
        }
        Ok(())
    }
}

/// What has come so far.
struct Progress<'a> {
    into: &'a mut (dyn Write + Send),
    hasher: Hasher,
    written: u64,
    step: &'a dyn Step,
}

impl Progress<'_> {
    fn take(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        self.into.write_all(chunk)?;
        self.hasher.update(chunk);
        self.written += chunk.len() as u64;
        self.step.reached(self.written);
        Ok(())
    }
}

/// The first byte of a part: `bytes 100-199/200`.
fn begins_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
