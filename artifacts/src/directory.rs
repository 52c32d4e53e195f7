//! Any directory that holds a `manifest.json` and its command, as an artifact: how what was not built here is packed.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    Error, Kind, Result,
    layer::{self, Content, Member},
    layout::Layout,
    oci::{Annotations, Descriptor, Manifest, Platform, annotation, media},
    pack, time,
};

/// Packs `directory` into `layout` under `tag`. `created` is what SOURCE_DATE_EPOCH says, if anything: without it, times are those of 1970 and none is noted.
///
/// # Errors
///
/// It holds no `manifest.json` whose command is a program that may be run, or something that is neither a file nor a directory; or the program is not for
/// `platform`, if one is asked for.
pub fn pack(
    directory: &Path,
    layout: &Layout,
    tag: &str,
    platform: Option<&Platform>,
    created: Option<u64>,
) -> Result<Descriptor> {
    let (manifest, _, _) = layer::examine(directory, platform)?;
    layout.put(media::EMPTY, crate::oci::EMPTY)?;
    let layer = pack::layer(layout, members(directory)?, created.unwrap_or(0))?;
    // What nobody would unpack is not packed.
    let place = tempfile::tempdir().map_err(|error| Error::new(Kind::Io, error.to_string()))?;
    let blob = layout.blob(&layer.descriptor(media::TOOL))?;
    layer::unpack(blob, media::TOOL, &place.path().join("unpacked"), platform)?;
    let mut annotations = Annotations::new();
    annotations.insert(annotation::TITLE.to_owned(), manifest.command);
    annotations.insert(annotation::SERVER.to_owned(), manifest.name);
    if !manifest.description.is_empty() {
        annotations.insert(annotation::DESCRIPTION.to_owned(), manifest.description);
    }
    if let Some(created) = created {
        annotations.insert(annotation::CREATED.to_owned(), time::rfc3339(created));
    }
    let mut descriptor = layer.descriptor(media::TOOL);
    let file = format!("{}.tar.gz", annotations.get(annotation::TITLE).map_or("tool", String::as_str));
    descriptor.annotations.insert(annotation::TITLE.to_owned(), file);
    let layers = vec![descriptor];
    let packed =
        layout.put(media::MANIFEST, &Manifest { annotations, ..Manifest::artifact(media::TOOL, layers) }.bytes())?;
    layout.enter(&packed, Some(tag))?;
    Ok(packed)
}

/// Every file of `directory`; those with a run bit as programs.
fn members(directory: &Path) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    let mut open: Vec<(PathBuf, String)> = vec![(directory.to_owned(), String::new())];
    while let Some((place, prefix)) = open.pop() {
        let failed = |error: io::Error| Error::io(&place, &error);
        for entry in fs::read_dir(&place).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| Error::refused(format!("{:?} is a name that is not UTF-8", name.to_string_lossy())))?;
            let name = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                open.push((entry.path(), format!("{name}/")));
            } else if kind.is_file() {
                let mode = entry.metadata().map_err(failed)?.permissions().mode();
                let content = Content::File(entry.path());
                members.push(if mode & 0o111 == 0 {
                    Member::file(name, content)
                } else {
                    Member::program(name, content)
                });
            } else {
                return Err(Error::refused(format!("{name} is neither a file nor a directory")));
            }
        }
    }
    Ok(members)
}
