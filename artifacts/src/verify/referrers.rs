//! What refers to an index or a manifest, and whether one of it is a signature that is believed.

use super::Walk;
use crate::{
    Error, Result,
    oci::{Descriptor, Manifest, media},
    sign,
};

impl Walk<'_> {
    /// What refers to `subject`: the catalogue's blob, and the types of all. Their blobs are checked, and their signatures if there is a key.
    pub(super) fn referrers(&mut self, subject: &Descriptor) -> Result<(Option<Descriptor>, Vec<String>)> {
        let (mut catalogue, mut kinds, mut signatures) = (None, Vec::new(), Vec::new());
        for referrer in self.layout.referrers(&subject.digest)? {
            let named = |error: Error| error.while_doing(format!("referrer {}", referrer.digest));
            let manifest = Manifest::parse(&self.document(&referrer)?).map_err(named)?;
            if manifest.subject.as_ref().map(|there| (there.size, &there.media_type))
                != Some((subject.size, &subject.media_type))
            {
                return Err(named(Error::refused("its subject has another size or type than what it names")));
            }
            for blob in [&manifest.config].into_iter().chain(&manifest.layers) {
                self.blob(blob).map_err(named)?;
            }
            let kind = manifest.kind().to_owned();
            if kind == media::CATALOGUE {
                catalogue = manifest.layers.first().cloned();
            }
            if sign::may_hold(&kind) {
                signatures.push(manifest);
            }
            kinds.push(kind);
        }
        // Where cosign puts those that refer to nothing.
        if let Ok(tagged) = self.layout.resolve(&sign::tag(&subject.digest)) {
            let manifest = Manifest::parse(&self.document(&tagged)?)?;
            if manifest.subject.is_none() {
                manifest.layers.iter().try_for_each(|blob| self.blob(blob))?;
                kinds.push(sign::ARTIFACT.to_owned());
                signatures.push(manifest);
            }
        }
        self.signatures(subject, &signatures)?;
        Ok((catalogue, kinds))
    }

    /// With a key, one of `signatures` must be a good one by it; others may have signed with other keys.
    fn signatures(&mut self, subject: &Descriptor, signatures: &[Manifest]) -> Result<()> {
        let Some(key) = self.options.key else {
            self.report.unchecked_signatures += signatures.len();
            return Ok(());
        };
        let mut wrong = Vec::new();
        for manifest in signatures {
            let payloads: Result<Vec<Vec<u8>>> = sign::payloads(manifest)
                .and_then(|layers| layers.into_iter().map(|layer| self.layout.document(layer)).collect());
            match payloads.and_then(|payloads| key.signed(&subject.digest, manifest, &payloads)) {
                Ok(()) => {
                    self.report.signatures += 1;
                    return Ok(());
                }
                Err(error) => wrong.push(error.message),
            }
        }
        Err(sign::none_good(&subject.digest, &wrong))
    }
}
