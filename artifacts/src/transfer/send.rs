//! Carrying a plan out.

use std::{path::Path, sync::Arc};

use tokio::task::JoinSet;

use super::{Copied, Options, Place, Progress, plan::Plan, short};
use crate::{
    Error, Kind, Result,
    layout::Layout,
    oci::Descriptor,
    registry::{Fetched, Repository, Upload},
};

/// Nothing larger is unpacked, so nothing larger is brought: else what a stranger's manifest says would fill the disk.
const BLOB_MAX: u64 = 1 << 30;

/// So many blobs or documents are on their way at once.
const AT_ONCE: usize = 4;

/// Writes all of `plan` to `to`.
pub(super) async fn run(plan: &Plan<'_>, to: &Place, options: &Options) -> Result<Copied> {
    let mut copied = Copied::default();
    let mut work = JoinSet::new();
    let mut waiting = plan.blobs.iter();
    loop {
        while work.len() < AT_ONCE
            && let Some(blob) = waiting.next()
        {
            let (blob, from, to) = (blob.clone(), plan.from.clone(), to.clone());
            let progress = Arc::clone(&options.progress);
            work.spawn(async move { (one_blob(&blob, &from, &to, &*progress).await, blob.size) });
        }
        let Some(done) = work.join_next().await else { break };
        let (sent, size) = joined(done)?;
        if sent? {
            copied.sent += 1;
            copied.bytes += size;
        } else {
            copied.present += 1;
        }
    }
    documents(&plan.documents, to).await?;
    // One after the other: the list of what refers to one subject may be ours to keep.
    for document in &plan.referring {
        put(to, document, None).await?;
    }
    copied.documents = plan.documents.len() + plan.referring.len();
    copied.referrers = plan.referring.len();
    for (tag, digest) in &plan.tags {
        let document = plan.document(digest).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("{digest}, which {tag} is to name, is not in the plan"))
        })?;
        put(to, document, Some(tag)).await?;
        copied.tags.push((tag.clone(), document.descriptor.clone()));
    }
    if let (Place::Layout(layout), true) = (to, plan.tags.is_empty())
        && let Some(last) = plan.documents.last().or(plan.referring.last())
    {
        // What nobody can name would be lost in a layout.
        layout.enter(&last.descriptor, None)?;
    }
    Ok(copied)
}

fn joined<T>(done: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    done.map_err(|error| Error::new(Kind::Unavailable, format!("a part of the copy ended early: {error}")))
}

/// Writes documents, manifests at once and each index after its parts.
async fn documents(documents: &[Fetched], to: &Place) -> Result<()> {
    let mut work = JoinSet::new();
    for document in documents {
        // The parts of an index come before it, and have to be there.
        let most = if document.descriptor.is_index() { 0 } else { AT_ONCE - 1 };
        while work.len() > most {
            if let Some(done) = work.join_next().await {
                joined(done)??;
            }
        }
        let (document, to) = (document.clone(), to.clone());
        work.spawn(async move { put(&to, &document, None).await });
    }
    while let Some(done) = work.join_next().await {
        joined(done)??;
    }
    Ok(())
}

/// Writes one document, under `tag` or its digest.
async fn put(to: &Place, document: &Fetched, tag: Option<&str>) -> Result<()> {
    let Fetched { descriptor, bytes } = document;
    match to {
        Place::Repository(repository) => {
            let name = tag.map_or_else(|| descriptor.digest.to_string(), str::to_owned);
            repository.put_manifest(&name, &descriptor.media_type, bytes).await?;
        }
        Place::Layout(layout) => {
            layout.put(&descriptor.media_type, bytes)?;
            let subject = crate::oci::Manifest::parse(bytes).is_ok_and(|manifest| manifest.subject.is_some());
            // A layout finds what refers to something in its index alone.
            if tag.is_some() || subject {
                layout.enter(&descriptor.bare(), tag)?;
            }
        }
    }
    Ok(())
}

/// Copies one blob; `false` if it was there.
async fn one_blob(blob: &Descriptor, from: &Place, to: &Place, progress: &dyn Progress) -> Result<bool> {
    if blob.size > BLOB_MAX {
        return Err(Error::refused(format!(
            "{} has {} bytes, no blob of a server is that large",
            blob.digest, blob.size
        )));
    }
    match to {
        Place::Layout(layout) => into_layout(blob, from, layout, progress).await,
        Place::Repository(repository) => into_repository(blob, from, repository, progress).await,
    }
}

async fn into_layout(blob: &Descriptor, from: &Place, layout: &Layout, progress: &dyn Progress) -> Result<bool> {
    // One that is there and broken is written again.
    if layout.blob(blob).is_ok() {
        return Ok(false);
    }
    let mut file = layout.incoming()?;
    match from {
        Place::Layout(from) => {
            let mut source = from.blob(blob)?;
            std::io::copy(&mut source, file.as_file_mut()).map_err(|error| Error::io(layout.root(), &error))?;
        }
        Place::Repository(repository) => {
            let step = progress.started(&short(&blob.digest), blob.size);
            repository.blob(blob, file.as_file_mut(), &*step).await?;
            step.finished();
        }
    }
    layout.adopt(file, blob)?;
    Ok(true)
}

async fn into_repository(blob: &Descriptor, from: &Place, to: &Repository, progress: &dyn Progress) -> Result<bool> {
    if to.has_blob(&blob.digest).await? {
        return Ok(false);
    }
    let content = match from {
        Place::Layout(layout) => layout.blob(blob)?,
        Place::Repository(source) => {
            if source.same_registry(to) && source.name() != to.name() && to.mount(blob, source.name()).await? {
                return Ok(false);
            }
            let mut file = tempfile::tempfile().map_err(|error| Error::io(Path::new("a temporary file"), &error))?;
            // Two ways, two bars: there is nothing to show of the second before the first is done.
            let step = progress.started(&short(&blob.digest), blob.size);
            source.blob(blob, &mut file, &*step).await?;
            step.finished();
            file
        }
    };
    let step = progress.started(&short(&blob.digest), blob.size);
    to.put_blob(blob, &Upload::file(content), &step).await?;
    step.finished();
    Ok(true)
}
