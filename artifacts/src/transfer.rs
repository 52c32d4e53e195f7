//! Copying between layouts and registries, so that whoever pulls sees the old or the new and nothing between: blobs first, then what is made of them, then
//! what refers to that, the tags last.

mod plan;
mod progress;
mod send;

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    Error, Kind, Result,
    layout::Layout,
    oci::{Descriptor, Digest, Platform},
    reference::is_tag,
    registry::{Fetched, Repository},
};

pub use progress::{Bars, Lines, Progress, Silent, Step};

/// Where artifacts are, opened.
#[derive(Clone, Debug)]
pub enum Place {
    /// A layout on disk.
    Layout(Layout),
    /// A repository of a registry.
    Repository(Repository),
}

/// How to copy.
#[derive(Clone)]
pub struct Options {
    /// Whether what refers to a manifest (catalogue, bill of materials, signatures) goes with it, and what refers to that.
    pub referrers: bool,
    /// Only what is for this platform, if it is an index. The tag then names the manifest and not the index.
    pub platform: Option<Platform>,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
}

impl Default for Options {
    fn default() -> Self {
        Self { referrers: true, platform: None, progress: Arc::new(Silent) }
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The tags that were set, in that order, and what each stands for now.
    pub tags: Vec<(String, Descriptor)>,
    /// What was asked for, when it was one thing.
    pub top: Option<Descriptor>,
    /// Manifests and indexes written.
    pub documents: usize,
    /// Of them, those that refer to another.
    pub referrers: usize,
    /// Blobs that were sent.
    pub sent: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that were there, or that the registry took from another of its repositories.
    pub present: usize,
}

/// Copies what `name` (a tag or a digest) stands for in `from` to `to`, with all its parts, and gives it the tag `tag` there, if there is to be one. At
/// any failure the tag stands for what it stood for.
///
/// # Errors
///
/// The first thing that could not be read or written, by name.
pub async fn copy(from: &Place, name: &str, to: &Place, tag: Option<&str>, options: &Options) -> Result<Copied> {
    let mut plan = plan::Plan::new(from, options);
    let top = plan.name(name, options.platform.as_ref()).await?;
    if let Some(tag) = tag {
        plan.tag(tag, &top)?;
    }
    let mut copied = send::run(&plan, to, options).await?;
    copied.top = Some(top);
    Ok(copied)
}

/// Pushes all of `layout`: what has no name and the parts of indexes, then the tags of manifests, then those of indexes. `latest` moves only if `latest`
/// says so; with `only`, other tags and what belongs to them alone stay here.
///
/// # Errors
///
/// As [`copy`]. No tag moves before everything any of them needs is there.
pub async fn push_layout(
    layout: &Layout,
    to: &Repository,
    only: &BTreeSet<String>,
    latest: bool,
    options: &Options,
) -> Result<Copied> {
    let from = Place::Layout(layout.clone());
    let mut plan = plan::Plan::new(&from, options);
    let tags: Vec<String> = layout
        .tags()?
        .into_iter()
        .filter(|tag| if only.is_empty() { latest || tag != "latest" } else { only.contains(tag) })
        .collect();
    if let Some(missing) = only.iter().find(|tag| !tags.contains(tag)) {
        return Err(Error::new(Kind::NotFound, format!("{} has no tag {missing:?}", layout.root().display())));
    }
    if tags.is_empty() {
        return Err(Error::new(Kind::NotFound, format!("{} holds no tag to push", layout.root().display())));
    }
    let mut named = Vec::new();
    for tag in tags {
        named.push((plan.name(&tag, None).await?, tag));
    }
    if only.is_empty() && options.referrers {
        for entry in layout.index()?.manifests {
            if !entry.annotations.contains_key(crate::oci::annotation::REF_NAME) {
                plan.name(&entry.digest.to_string(), None).await?;
            }
        }
    }
    named.sort_by_key(|(descriptor, tag)| (descriptor.is_index(), tag.clone()));
    for (descriptor, tag) in named {
        plan.tag(&tag, &descriptor)?;
    }
    send::run(&plan, &Place::Repository(to.clone()), options).await
}

impl Place {
    /// What it is called.
    pub fn describe(&self) -> String {
        match self {
            Self::Layout(layout) => format!("oci:{}", layout.root().display()),
            Self::Repository(repository) => repository.name().to_string(),
        }
    }

    /// The manifest or index `name` (a tag or a digest), checked.
    ///
    /// # Errors
    ///
    /// [`Kind::NotFound`], or why it could not be read.
    pub async fn document(&self, name: &str) -> Result<Fetched> {
        match self {
            Self::Layout(layout) => {
                let descriptor = layout.resolve(name)?;
                let bytes = layout.document(&descriptor)?;
                Ok(Fetched { descriptor, bytes })
            }
            Self::Repository(repository) => repository.manifest(name).await,
        }
    }

    /// What refers to `subject`.
    ///
    /// # Errors
    ///
    /// As for every request.
    pub async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        match self {
            Self::Layout(layout) => layout.referrers(subject),
            Self::Repository(repository) => repository.referrers(subject).await,
        }
    }

    /// The blob of `descriptor`, checked, as a file at its beginning: the layout's own, or a temporary one without a name.
    ///
    /// # Errors
    ///
    /// [`Kind::Corrupt`] if it is another; others as for every request.
    pub async fn blob(&self, descriptor: &Descriptor, progress: &dyn Progress) -> Result<std::fs::File> {
        match self {
            Self::Layout(layout) => layout.blob(descriptor),
            Self::Repository(repository) => {
                use std::io::Seek;
                let failed = |error: std::io::Error| Error::new(Kind::Io, format!("a temporary file: {error}"));
                let mut file = tempfile::tempfile().map_err(failed)?;
                let step = progress.started(&short(&descriptor.digest), descriptor.size);
                repository.blob(descriptor, &mut file, &*step).await?;
                step.finished();
                file.rewind().map_err(failed)?;
                Ok(file)
            }
        }
    }
}

/// The beginning of a digest, enough to tell it from others.
fn short(digest: &Digest) -> String {
    digest.hex().chars().take(12).collect()
}

fn check_tag(tag: &str) -> Result<()> {
    if is_tag(tag) { Ok(()) } else { Err(Error::new(Kind::Usage, format!("{tag:?} is not a tag"))) }
}

#[cfg(test)]
mod tests;
