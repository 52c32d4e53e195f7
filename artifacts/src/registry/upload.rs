//! Blobs, on their way there: taken from another repository where the registry has them, sent whole when small, else in parts that are taken up where they were cut.

use std::{fs::File, sync::Arc};

use bytes::Bytes;
use reqwest::{
    Method, Response, Url,
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, RANGE},
};

use super::{
    Repository,
    body::{Content, Payload},
    retry::{Failure, Patience},
    session::{Ask, location},
};
use crate::{Error, Kind, Result, oci::Descriptor, reference::RepositoryName, transfer::Step};

/// What is sent in one piece.
const WHOLE_MAX: u64 = 8 << 20;
/// The size of a part of what is not.
const PART: u64 = 16 << 20;
/// A registry that wants larger parts gets everything as one.
const PART_MAX: u64 = 512 << 20;
/// So often one upload is taken up in all, whatever the progress.
const CUTS_MAX: usize = 50;

const CHUNK_MIN: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// The content of a blob.
#[derive(Clone)]
pub struct Upload(Content);

impl Upload {
    /// In memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Content::Bytes(bytes.into()))
    }

    /// In a file, from its beginning. It is read as it is sent, at any position, and must not change.
    pub fn file(file: File) -> Self {
        Self(Content::File(Arc::new(file)))
    }
}

impl Repository {
    /// Stores `content` as the blob of `descriptor`; the registry checks the digest.
    ///
    /// # Errors
    ///
    /// As for every request; an upload that was begun and not ended is the registry's to forget.
    pub async fn put_blob(&self, descriptor: &Descriptor, content: &Upload, step: &Arc<dyn Step>) -> Result<()> {
        let doing = format!("storing the blob {} in {}", descriptor.digest, self.name());
        let mut patience = Patience::default();
        let work = Work { repository: self, doing: &doing, descriptor, content: &content.0, step };
        loop {
            // A session the registry lost is begun again; so is one that failed as a whole.
            match work.run().await {
                Ok(()) => return Ok(()),
                Err(failure) => {
                    patience.after(failure).await?;
                    // The answer may be what was cut.
                    if self.has_blob(&descriptor.digest).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Asks the registry to take the blob of `descriptor` from its repository `from`. `false`: it did not.
    ///
    /// # Errors
    ///
    /// Only when the registry cannot be reached: what it refuses here can still be sent.
    pub async fn mount(&self, descriptor: &Descriptor, from: &RepositoryName) -> Result<bool> {
        let doing = format!("mounting the blob {} of {from} in {}", descriptor.digest, self.name());
        match self.begin(&doing, descriptor, Some(from)).await {
            Ok(Begun::Mounted) => Ok(true),
            Ok(Begun::Session(response)) => {
                // Not needed; a registry that cannot forget it now does so later.
                if let Ok(url) = location(&response, &doing) {
                    let _ = self.session.once(&Ask::new(&doing, Method::DELETE, url)).await;
                }
                Ok(false)
            }
            Err(Failure { error, .. }) if matches!(error.kind, Kind::Timeout | Kind::Unavailable) => Err(error),
            Err(_) => Ok(false),
        }
    }

    async fn begin(
        &self,
        doing: &str,
        descriptor: &Descriptor,
        from: Option<&RepositoryName>,
    ) -> Result<Begun, Failure> {
        let mut url = self.session.url("blobs/uploads/").await?;
        let mut scope = None;
        if let Some(from) = from {
            url.query_pairs_mut().append_pair("mount", &descriptor.digest.to_string()).append_pair("from", &from.path);
            scope = Some(format!("repository:{}:pull", from.path));
        }
        let ask = Ask { scope, ..Ask::new(doing, Method::POST, url) };
        let expected: &[u16] = if from.is_some() { &[201, 202] } else { &[202] };
        let response = self.session.expect(&ask, self.session.once(&ask).await?, expected).await?;
        Ok(if response.status().as_u16() == 201 { Begun::Mounted } else { Begun::Session(response) })
    }
}

enum Begun {
    Mounted,
    Session(Response),
}

/// One blob to be stored.
struct Work<'a> {
    repository: &'a Repository,
    doing: &'a str,
    descriptor: &'a Descriptor,
    content: &'a Content,
    step: &'a Arc<dyn Step>,
}

impl Work<'_> {
    /// Begins an upload and carries it through.
    async fn run(&self) -> Result<(), Failure> {
        let mut reached = 0;
        let response = match self.repository.begin(self.doing, self.descriptor, None).await? {
            Begun::Mounted => return Ok(()),
            Begun::Session(response) => response,
        };
        let mut url = location(&response, self.doing)?;
        let size = self.descriptor.size;
        let smallest =
            response.headers().get(CHUNK_MIN).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
        let part = PART.max(smallest);
        if size > WHOLE_MAX && part <= PART_MAX && size > part {
            url = match self.parts(url, part, &mut reached).await? {
                Some(url) => url,
                // It knows no parts: everything as one, in a session of its own.
                None => match self.repository.begin(self.doing, self.descriptor, None).await? {
                    Begun::Session(response) => location(&response, self.doing)?,
                    Begun::Mounted => return Ok(()),
                },
            };
        }
        self.close(url, reached).await
    }

    /// Sends all but the last part. Gives where the session goes on; `None` if the registry takes no parts.
    async fn parts(&self, mut url: Url, part: u64, reached: &mut u64) -> Result<Option<Url>, Failure> {
        let size = self.descriptor.size;
        let (mut patience, mut cuts) = (Patience::default(), 0);
        while size - *reached > part {
            let (first, last) = (*reached, *reached + part - 1);
            let ask = Ask::new(self.doing, Method::PATCH, url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")?
                .header(CONTENT_RANGE, &format!("{first}-{last}"))?
                .payload(self.payload(first, part));
            let session = &self.repository.session;
            let outcome = match session.once(&ask).await {
                Ok(response) if *reached == 0 && matches!(response.status().as_u16(), 404 | 405 | 501) => {
                    return Ok(None);
                }
                Ok(response) => session.expect(&ask, response, &[202, 201, 204]).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(response) => {
                    // The registry may have kept less than it was sent.
                    *reached = kept(&response, last + 1).filter(|kept| *kept <= last + 1).unwrap_or(last + 1);
                    url = location(&response, self.doing)?;
                    if *reached > first {
                        patience.progress();
                    } else {
                        cuts += 1;
                    }
                }
                Err(failure) => {
                    cuts += 1;
                    // 416: it disagrees about where the session is, which it can be asked.
                    let disagrees = failure.status == Some(416);
                    let failure = if disagrees { Failure::passing(failure.error) } else { failure };
                    patience.after(failure).await?;
                    let (there, next) = self.status(&url).await?;
                    if there > first {
                        patience.progress();
                    }
                    (*reached, url) = (there.min(size), next);
                }
            }
            if cuts > CUTS_MAX {
                return Err(Error::new(Kind::Unavailable, format!("{}: it was cut {cuts} times", self.doing)).into());
            }
        }
        Ok(Some(url))
    }

    /// How much of the session the registry has, and where it goes on.
    async fn status(&self, url: &Url) -> Result<(u64, Url), Failure> {
        let ask = Ask::new(self.doing, Method::GET, url.clone());
        let session = &self.repository.session;
        let response = session.expect(&ask, session.once(&ask).await?, &[204, 200, 202]).await.map_err(|failure| {
            // The session is lost, and a new one may do better.
            if failure.error.kind == Kind::NotFound { Failure::passing(failure.error) } else { failure }
        })?;
        let there = kept(&response, 0).unwrap_or(0);
        let next = location(&response, self.doing).unwrap_or_else(|_| url.clone());
        Ok((there, next))
    }

    /// Sends what is left from `from` on, and ends the session.
    async fn close(&self, mut url: Url, from: u64) -> Result<(), Failure> {
        url.query_pairs_mut().append_pair("digest", &self.descriptor.digest.to_string());
        let left = self.descriptor.size - from;
        let mut ask = Ask::new(self.doing, Method::PUT, url).header(CONTENT_TYPE, "application/octet-stream")?;
        if from > 0 && left > 0 {
            ask = ask.header(CONTENT_RANGE, &format!("{from}-{}", self.descriptor.size - 1))?;
        }
        if left > 0 {
            ask = ask.payload(self.payload(from, left));
        }
        let session = &self.repository.session;
        let response = session.once(&ask).await?;
        let outcome = session.expect(&ask, response, &[201, 204, 202]).await;
        match outcome {
            Ok(_) => Ok(()),
            // The answer to a PUT that was cut may be that the session is no more: it ended.
            Err(failure) if failure.error.kind == Kind::NotFound => Err(Failure::passing(failure.error)),
            Err(failure) => Err(failure),
        }
    }

    fn payload(&self, offset: u64, length: u64) -> Payload {
        Payload { content: self.content.clone(), offset, length, step: Some(Arc::clone(self.step)) }
    }
}

/// How many bytes the registry has: `Range: 0-99` is a hundred. Some say `bytes=0-99`; of nothing, `0-0` or no header.
fn kept(response: &Response, sent: u64) -> Option<u64> {
    let range = response.headers().get(RANGE)?.to_str().ok()?;
    parse_kept(range, sent)
}

fn parse_kept(range: &str, sent: u64) -> Option<u64> {
    let range = range.strip_prefix("bytes=").unwrap_or(range).trim();
    let (first, last) = range.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    match (first, last) {
        // One byte, or none? Nobody sends one byte.
        ("0", 0) => Some(if sent == 1 { 1 } else { 0 }),
        ("0", last) => last.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_how_much_is_there() {
        for (range, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("0-0", Some(0)),
            ("5-9", None),
            ("", None),
            ("0-", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(parse_kept(range, 0), expected, "{range}");
        }
    }
}
