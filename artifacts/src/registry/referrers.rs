//! What refers to a manifest: by the API, or, where the registry has none, by an index under a tag that clients keep.

use reqwest::Method;

use super::{
    Repository,
    manifests::{PAGES_MAX, next_page},
    session::Ask,
};
use crate::{
    Error, Kind, Result,
    layout::DOCUMENT_MAX,
    oci::{Annotations, Descriptor, Digest, Index, Manifest},
};

/// More referrers of one manifest than this are a mistake or an attack.
const REFERRERS_MAX: usize = 1000;
/// How often the index under the tag is written again because somebody else wrote it meanwhile.
const RACES_MAX: usize = 4;

impl Repository {
    /// The manifests whose subject is `subject`, sorted by digest.
    ///
    /// # Errors
    ///
    /// [`Kind::Refused`] for a list that is none or has no end; others as for every request. No list at all is an empty one.
    pub async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let doing = format!("listing what refers to {}@{subject}", self.name());
        let mut next = Some(self.session.url(&format!("referrers/{subject}")).await?);
        let (mut found, mut pages): (Vec<Descriptor>, usize) = (Vec::new(), 0);
        while let Some(url) = next {
            let ask = Ask::new(&doing, Method::GET, url.clone());
            let (status, headers, bytes) = self.session.document(&ask, &[200, 404, 405, 501], DOCUMENT_MAX).await?;
            if status != reqwest::StatusCode::OK {
                found = self.fallback(subject).await?.map(|index| index.manifests).unwrap_or_default();
                next = None;
            } else {
                found.extend(Index::parse(&bytes).map_err(|error| error.while_doing(&doing))?.manifests);
                pages += 1;
                next = next_page(&url, &headers).map_err(|error| error.while_doing(&doing))?;
            }
            if found.len() > REFERRERS_MAX || pages >= PAGES_MAX && next.is_some() {
                return Err(Error::refused(format!("{doing}: there is no end to them ({} so far)", found.len())));
            }
        }
        found.retain(|entry| entry.is_manifest() || entry.is_index());
        found.sort_by_key(|entry| entry.digest);
        found.dedup_by_key(|entry| entry.digest);
        Ok(found)
    }

    /// The index that clients keep for registries that keep none.
    async fn fallback(&self, subject: &Digest) -> Result<Option<Index>> {
        match self.manifest(&tag(subject)).await {
            Ok(fetched) => Index::parse(&fetched.bytes).map(Some),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Enters a referrer that was just stored into that index. There is no way to do it in one step, so it is looked at again afterwards.
    pub(super) async fn enter_fallback(&self, subject: &Descriptor, stored: &Descriptor, bytes: &[u8]) -> Result<()> {
        let entry = entry(stored, bytes);
        for _ in 0..RACES_MAX {
            let mut index = self.fallback(&subject.digest).await?.unwrap_or_default();
            if index.manifests.iter().any(|there| there.digest == entry.digest) {
                return Ok(());
            }
            index.manifests.push(entry.clone());
            let media_type = crate::oci::media::INDEX;
            Box::pin(self.put_manifest(&tag(&subject.digest), media_type, &index.bytes())).await?;
        }
        // The last of them may have been the one that stayed.
        match self.fallback(&subject.digest).await? {
            Some(index) if index.manifests.iter().any(|there| there.digest == entry.digest) => Ok(()),
            _ => Err(Error::new(
                Kind::Unavailable,
                format!(
                    "entering {} among what refers to {}: others keep writing the list too, try again",
                    stored.digest, subject.digest
                ),
            )),
        }
    }
}

/// `sha256-<digits>`.
fn tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// The entry of a referrer as the API would list it.
fn entry(stored: &Descriptor, bytes: &[u8]) -> Descriptor {
    let (artifact_type, annotations) = match Manifest::parse(bytes) {
        Ok(manifest) => (Some(manifest.kind().to_owned()), manifest.annotations),
        Err(_) => match Index::parse(bytes) {
            Ok(index) => (index.artifact_type, index.annotations),
            Err(_) => (None, Annotations::new()),
        },
    };
    Descriptor { artifact_type, annotations, ..stored.bare() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_one_of_the_specification() {
        let digest = Digest::of(b"x");
        assert_eq!(tag(&digest), digest.to_string().replace(':', "-"));
    }
}
