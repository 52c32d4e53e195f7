//! Between layouts, where no network can help or hinder: what is copied, in which order, and what stays as it was.

use super::*;
use crate::oci::{Index, Manifest, annotation, media};

struct Desk {
    place: tempfile::TempDir,
    from: Layout,
    to: Layout,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let from = Layout::create(&place.path().join("from")).unwrap();
        let to = Layout::create(&place.path().join("to")).unwrap();
        from.put(media::EMPTY, crate::oci::EMPTY).unwrap();
        Self { place, from, to }
    }

    /// A manifest with one layer of `content`.
    fn manifest(&self, content: &str, subject: Option<&Descriptor>) -> Descriptor {
        let layer = self.from.put(media::TOOL, content.as_bytes()).unwrap();
        let subject = subject.map(Descriptor::bare);
        let manifest = Manifest { subject, ..Manifest::artifact(media::TOOL, vec![layer]) };
        self.from.put(media::MANIFEST, &manifest.bytes()).unwrap()
    }

    fn index(&self, manifests: Vec<Descriptor>) -> Descriptor {
        self.from.put(media::INDEX, &Index { manifests, ..Index::default() }.bytes()).unwrap()
    }

    /// Two platforms under the tag `1`, the index with a referrer that has one itself.
    fn release(&self) -> [Descriptor; 5] {
        let part = |architecture: &str| Descriptor {
            platform: Some(Platform::linux(architecture)),
            ..self.manifest(architecture, None)
        };
        let (amd64, arm64) = (part("amd64"), part("arm64"));
        let index = self.index(vec![amd64.clone(), arm64.clone()]);
        let sbom = self.manifest("sbom", Some(&index));
        let signature = self.manifest("signature", Some(&sbom));
        self.from.enter(&index, Some("1")).unwrap();
        self.from.enter(&sbom, None).unwrap();
        self.from.enter(&signature, None).unwrap();
        [amd64, arm64, index, sbom, signature]
    }

    fn copy(&self, name: &str, tag: Option<&str>, options: &Options) -> Result<Copied> {
        let (from, to) = (Place::Layout(self.from.clone()), Place::Layout(self.to.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(copy(&from, name, &to, tag, options))
    }

    fn blobs(&self) -> usize {
        std::fs::read_dir(self.place.path().join("to/blobs/sha256")).unwrap().count()
    }
}

#[test]
fn everything_goes_with_what_refers_to_it_and_a_second_time_nothing_does() {
    let desk = Desk::new();
    let [amd64, arm64, index, sbom, signature] = desk.release();
    let copied = desk.copy("1", Some("2"), &Options::default()).unwrap();
    assert_eq!((copied.documents, copied.referrers, copied.sent, copied.present), (5, 2, 5, 0));
    assert_eq!(desk.to.resolve("2").unwrap(), index);
    for document in [&amd64, &arm64, &index, &sbom, &signature] {
        assert!(desk.to.document(document).is_ok());
    }
    let referrers = |subject: &Descriptor| desk.to.referrers(&subject.digest).unwrap();
    assert_eq!((referrers(&index)[0].digest, referrers(&sbom)[0].digest), (sbom.digest, signature.digest));
    let again = desk.copy("1", Some("2"), &Options::default()).unwrap();
    assert_eq!((again.sent, again.bytes, again.present), (0, 0, 5));
    assert_eq!(desk.blobs(), 10);
}

#[test]
fn a_platform_is_its_manifest_and_referrers_can_stay() {
    let desk = Desk::new();
    let [_, arm64, ..] = desk.release();
    let options = Options { platform: Some(Platform::linux("arm64")), ..Options::default() };
    let copied = desk.copy("1", Some("1"), &options).unwrap();
    assert_eq!(copied.top.unwrap().digest, arm64.digest);
    assert_eq!((desk.to.resolve("1").unwrap().digest, desk.blobs()), (arm64.digest, 3));

    let desk = Desk::new();
    desk.release();
    let copied = desk.copy("1", Some("1"), &Options { referrers: false, ..Options::default() }).unwrap();
    assert_eq!((copied.documents, copied.referrers, desk.blobs()), (3, 0, 6));
    let missing = Options { platform: Some(Platform::linux("riscv64")), ..Options::default() };
    assert_eq!(desk.copy("1", Some("1"), &missing).unwrap_err().kind, Kind::NotFound);
}

#[test]
fn a_failure_leaves_the_tag_as_it_was() {
    let desk = Desk::new();
    let old = desk.manifest("old", None);
    desk.from.enter(&old, Some("old")).unwrap();
    desk.copy("old", Some("1"), &Options::default()).unwrap();
    let new = desk.manifest("new", None);
    desk.from.enter(&new, Some("new")).unwrap();
    let layer = desk.from.path(&Digest::of(b"new"));
    for damage in [Some("NEW"), None] {
        match damage {
            Some(text) => std::fs::write(&layer, text).unwrap(),
            None => std::fs::remove_file(&layer).unwrap(),
        }
        let error = desk.copy("new", Some("1"), &Options::default()).unwrap_err();
        assert!(matches!(error.kind, Kind::Corrupt | Kind::NotFound), "{error}");
        assert_eq!(desk.to.resolve("1").unwrap().digest, old.digest);
    }
}

#[test]
fn a_blob_that_is_there_and_broken_is_written_again() {
    let desk = Desk::new();
    let manifest = desk.manifest("content", None);
    desk.from.enter(&manifest, Some("1")).unwrap();
    std::fs::write(desk.to.path(&Digest::of(b"content")), "c0ntent").unwrap();
    assert_eq!(desk.copy("1", Some("1"), &Options::default()).unwrap().sent, 2);
    assert_eq!(std::fs::read(desk.to.path(&Digest::of(b"content"))).unwrap(), b"content");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let desk = Desk::new();
    let mut deep = desk.manifest("x", None);
    for _ in 0..12 {
        deep = desk.index(vec![deep]);
    }
    desk.from.enter(&deep, Some("deep")).unwrap();
    let layer = Descriptor { size: 2, ..Descriptor::of(media::TOOL, b"x") };
    let lying = Manifest::artifact(media::TOOL, vec![Descriptor::of(media::TOOL, b"x"), layer]);
    let lying = desk.from.put(media::MANIFEST, &lying.bytes()).unwrap();
    desk.from.enter(&lying, Some("lying")).unwrap();
    let wrong_size = Descriptor { size: 7, ..desk.manifest("y", None) };
    let wrong_size = desk.index(vec![wrong_size]);
    desk.from.enter(&wrong_size, Some("size")).unwrap();
    for (name, kind) in [("deep", Kind::Refused), ("lying", Kind::Corrupt), ("size", Kind::Corrupt)] {
        let error = desk.copy(name, Some("1"), &Options::default()).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
    assert_eq!(desk.copy("deep", Some("no tag"), &Options::default()).unwrap_err().kind, Kind::Refused);
    assert_eq!(desk.blobs(), 0);
    let without_name = desk.to.index().unwrap().manifests;
    assert!(without_name.iter().all(|entry| !entry.annotations.contains_key(annotation::REF_NAME)));
}

#[test]
fn without_a_tag_it_is_kept_by_its_digest() {
    let desk = Desk::new();
    let manifest = desk.manifest("content", None);
    desk.copy(&manifest.digest.to_string(), None, &Options::default()).unwrap();
    assert_eq!(desk.to.resolve(&manifest.digest.to_string()).unwrap(), manifest);
    assert_eq!((desk.to.index().unwrap().manifests.len(), desk.to.tags().unwrap().len()), (1, 0));
}
