//! Manifests, indexes and tags.

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, LINK},
};
use serde::Deserialize;

use super::{Repository, body::Payload, origin, session::Ask};
use crate::{
    Error, Kind, Result,
    layout::DOCUMENT_MAX,
    oci::{Descriptor, Digest, media},
    reference::is_tag,
};

/// All that is understood.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// More tags than this are not listed.
const TAGS_MAX: usize = 100_000;
/// More pages than this are not read.
pub(super) const PAGES_MAX: usize = 1_000;

/// A manifest or an index, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its type, digest and size.
    pub descriptor: Descriptor,
    /// Its bytes, which have that digest.
    pub bytes: Vec<u8>,
}

impl Repository {
    /// What `name` (a tag or a digest) stands for, without its bytes where the registry says it without. The answer is the registry's word: what is
    /// fetched by this digest is checked then.
    ///
    /// # Errors
    ///
    /// [`Kind::NotFound`] if it is not there; others as for every request.
    pub async fn resolve(&self, name: &str) -> Result<Descriptor> {
        let ask = self.manifest_ask(name, Method::HEAD, "looking up").await?;
        if let Ok(answer) = self.session.once(&ask).await
            && answer.status() == StatusCode::OK
            && let Some(descriptor) = described(answer.headers())
            && name.parse::<Digest>().map_or(true, |digest| digest == descriptor.digest)
        {
            return Ok(descriptor);
        }
        // It is not there, or not all was said: a GET also says why.
        Ok(self.manifest(name).await?.descriptor)
    }

    /// The manifest or index `name` (a tag or a digest), its bytes checked against the digest that was asked for and the one the registry says.
    ///
    /// # Errors
    ///
    /// [`Kind::NotFound`]; [`Kind::Corrupt`] if the digests differ; [`Kind::Refused`] if it is larger than 4 MiB, of an unknown type, or a page for people.
    pub async fn manifest(&self, name: &str) -> Result<Fetched> {
        let ask = self.manifest_ask(name, Method::GET, "fetching").await?;
        let (_, headers, bytes) = self.session.document(&ask, &[200], DOCUMENT_MAX).await?;
        fetched(name, &headers, bytes).map_err(|error| error.while_doing(&ask.doing))
    }

    /// Whether the manifest or index of `digest` is there.
    ///
    /// # Errors
    ///
    /// As for every request.
    pub async fn has_manifest(&self, digest: &Digest) -> Result<bool> {
        let ask = self.manifest_ask(&digest.to_string(), Method::HEAD, "looking up").await?;
        Ok(self.session.ask(&ask, &[200, 404]).await?.status() == StatusCode::OK)
    }

    /// Stores the `bytes` of a manifest or index of `media_type` under `name`, a tag or its digest. One with a subject is entered among the referrers
    /// of it, also where the registry leaves that to its clients.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if the registry stored something else; others as for every request. Repeating it is harmless.
    pub async fn put_manifest(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
        let descriptor = Descriptor::of(media_type, bytes);
        let ask = self.manifest_ask(name, Method::PUT, "storing").await?;
        let ask = ask.header(CONTENT_TYPE, media_type)?.payload(Payload::bytes(bytes.to_vec()));
        let (_, headers, _) = self.session.document(&ask, &[201, 200, 202, 204], DOCUMENT_MAX).await?;
        if let Some(digest) = content_digest(&headers).filter(|digest| *digest != descriptor.digest) {
            let expected = descriptor.digest;
            return Err(Error::corrupt(format!(
                "{}: the registry stored {digest} where {expected} was sent",
                ask.doing
            )));
        }
        let subject_seen = headers.contains_key(OCI_SUBJECT);
        if !subject_seen && let Some(subject) = subject(bytes) {
            self.enter_fallback(&subject, &descriptor, bytes).await?;
        }
        Ok(descriptor)
    }

    /// The tags of the repository, sorted.
    ///
    /// # Errors
    ///
    /// [`Kind::NotFound`] if there is no such repository; [`Kind::Refused`] if there are more than 100,000, or pages lead elsewhere.
    pub async fn tags(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let doing = format!("listing the tags of {}", self.name());
        let mut next = Some(self.session.url("tags/list?n=1000").await?);
        let (mut tags, mut pages) = (Vec::new(), 0);
        while let Some(url) = next {
            let ask = Ask::new(&doing, Method::GET, url.clone());
            let (_, headers, bytes) = self.session.document(&ask, &[200], DOCUMENT_MAX).await?;
            let page: Page = serde_json::from_slice(&bytes)
                .map_err(|error| Error::refused(format!("{doing}: the answer is not a list of tags: {error}")))?;
            // A name that cannot be a tag is nobody's to show or to use.
            tags.extend(page.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(tag)));
            pages += 1;
            next = next_page(&url, &headers).map_err(|error| error.while_doing(&doing))?;
            if tags.len() > TAGS_MAX || pages >= PAGES_MAX && next.is_some() {
                return Err(Error::refused(format!("{doing}: there is no end to them ({} so far)", tags.len())));
            }
        }
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    async fn manifest_ask(&self, name: &str, method: Method, doing: &str) -> Result<Ask> {
        let digest = name.parse::<Digest>().is_ok();
        if !digest && !is_tag(name) {
            return Err(Error::new(Kind::Usage, format!("{name:?} is neither a tag nor a digest")));
        }
        let url = self.session.url(&format!("manifests/{name}")).await?;
        let separator = if digest { "@" } else { ":" };
        Ask::new(format!("{doing} {}{separator}{name}", self.name()), method, url).header(ACCEPT, ACCEPTED)
    }
}

/// The next page after `from`.
pub(super) fn next_page(from: &reqwest::Url, headers: &HeaderMap) -> Result<Option<reqwest::Url>> {
    for link in headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()) {
        if let Some(next) = origin::next(from, link).map_err(Error::refused)? {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

/// What the head of an answer says of the document.
fn described(headers: &HeaderMap) -> Option<Descriptor> {
    let digest = content_digest(headers)?;
    let size =
        headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok().filter(|size| (1..=DOCUMENT_MAX).contains(size))?;
    let media_type = content_type(headers).filter(|media_type| is_known(media_type))?;
    Some(Descriptor { digest, size, ..Descriptor::of(&media_type, &[]) })
}

/// A document with what it is, when everything that was said of it agrees.
fn fetched(name: &str, headers: &HeaderMap, bytes: Vec<u8>) -> Result<Fetched> {
    let found = Digest::of(&bytes);
    if let Some(asked) = name.parse::<Digest>().ok().filter(|asked| *asked != found) {
        return Err(Error::corrupt(format!("what was asked for as {asked} hashes to {found}")));
    }
    if let Some(said) = content_digest(headers).filter(|said| *said != found) {
        return Err(Error::corrupt(format!("the registry says it is {said}, but it hashes to {found}")));
    }
    let document: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|error| Error::refused(format!("the answer is neither a manifest nor an index: {error}")))?;
    let inside = document["mediaType"].as_str().map(str::to_owned);
    let outside = content_type(headers).filter(|media_type| is_known(media_type));
    let media_type = match (inside, outside) {
        (Some(inside), Some(outside)) if inside != outside => {
            return Err(Error::refused(format!("it calls itself {inside:?}, and the registry calls it {outside:?}")));
        }
        (Some(inside), _) => inside,
        (None, Some(outside)) => outside,
        (None, None) => return Err(Error::refused("it does not say what it is, and neither does the registry")),
    };
    if !is_known(&media_type) {
        return Err(Error::refused(format!("it is of type {media_type:?}, which is neither a manifest nor an index")));
    }
    Ok(Fetched { descriptor: Descriptor::of(&media_type, &bytes), bytes })
}

fn is_known(media_type: &str) -> bool {
    matches!(media_type, media::MANIFEST | media::INDEX | media::DOCKER_MANIFEST | media::DOCKER_LIST)
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The digest the registry says; one of an algorithm that is not known here says nothing.
fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.trim().parse().ok()
}

/// The subject of a manifest or index, if it has one.
fn subject(bytes: &[u8]) -> Option<Descriptor> {
    #[derive(Deserialize)]
    struct Referring {
        subject: Option<Descriptor>,
    }
    serde_json::from_slice::<Referring>(bytes).ok()?.subject
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(content_type: &str, digest: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        if let Some(digest) = digest {
            headers.insert(CONTENT_DIGEST, HeaderValue::from_str(digest).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_said_of_a_document_must_agree() {
        let bytes = br#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#.to_vec();
        let digest = Digest::of(&bytes).to_string();
        let other = Digest::of(b"other").to_string();
        let kind = |name: &str, headers: &HeaderMap, bytes: &[u8]| {
            fetched(name, headers, bytes.to_vec()).map_err(|error| error.kind).map(|it| it.descriptor.media_type)
        };
        let index = Ok(media::INDEX.to_owned());
        assert_eq!(kind("1", &headers(media::INDEX, None), &bytes), index);
        assert_eq!(kind(&digest, &headers("application/json; charset=utf-8", Some(&digest)), &bytes), index);
        assert_eq!(kind("1", &headers(media::INDEX, Some("sha512:00")), &bytes), index);
        assert_eq!(kind("1", &headers(media::INDEX, None), b"{}"), index);
        assert_eq!(kind(&other, &headers(media::INDEX, None), &bytes), Err(Kind::Corrupt));
        assert_eq!(kind("1", &headers(media::INDEX, Some(&other)), &bytes), Err(Kind::Corrupt));
        assert_eq!(kind("1", &headers(media::MANIFEST, None), &bytes), Err(Kind::Refused));
        assert_eq!(kind("1", &headers("text/plain", None), b"{}"), Err(Kind::Refused));
        assert_eq!(kind("1", &headers(media::INDEX, None), b"Not Found"), Err(Kind::Refused));
        assert_eq!(kind("1", &headers(media::INDEX, None), br#"{"mediaType":"text/x"}"#), Err(Kind::Refused));
    }
}
