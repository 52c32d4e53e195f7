//! Whole objects of one kind, in pages.

use serde_json::Value;
use shared::Code;

use super::{ANEW, CHUNK, KeepObject, Narrow, PAGES_MAX, circle, next, unread};
use crate::{
    cluster::{Cluster, JSON, Step},
    failure::Failure,
    kinds::Kind,
    path::Path,
};

impl Cluster {
    pub(super) async fn objects_of(
        &self,
        kind: &Kind,
        place: Option<String>,
        narrow: Narrow<'_>,
        keep: KeepObject<'_>,
    ) -> Result<(Vec<usize>, u64), Failure> {
        let mut last = Failure::expired();
        for _ in 0..=ANEW {
            let (mut items, mut seen, mut next) = (Vec::new(), 0, None::<String>);
            let mut left = PAGES_MAX;
            let end = loop {
                if left == 0 {
                    break Err(Failure::endless());
                }
                left -= 1;
                let path = narrow.on(Path::list(kind, place.as_deref())).query("limit", CHUNK);
                match self.chunk(kind, &path.optional("continue", next.as_deref()), keep).await {
                    Ok((more, count, token)) => {
                        items.extend(more);
                        seen += count;
                        if token.is_none() {
                            break Ok(());
                        }
                        if token == next {
                            break Err(circle());
                        }
                        next = token;
                    }
                    Err(failure) => break Err(failure),
                }
            };
            match end {
                Ok(()) => return Ok((items, seen)),
                Err(failure) if failure.status == 410 => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }

    async fn chunk(
        &self,
        kind: &Kind,
        path: &Path,
        keep: KeepObject<'_>,
    ) -> Result<(Vec<usize>, u64, Option<String>), Failure> {
        let (mut items, mut seen) = (Vec::new(), 0);
        let head = self
            .list(path, JSON, "items", |step| {
                match step {
                    Step::Begin => {
                        items.clear();
                        seen = 0;
                    }
                    Step::Element(_, item) => {
                        seen += 1;
                        let mut item: Value = serde_json::from_slice(item).map_err(|error| unread(kind, &error))?;
                        // What is in a list does not say what it is.
                        if let Some(object) = item.as_object_mut() {
                            object.entry("kind").or_insert_with(|| kind.kind.clone().into());
                            object.entry("apiVersion").or_insert_with(|| kind.api_version().into());
                        }
                        items.extend(keep(item));
                    }
                }
                Ok(())
            })
            .await?;
        let head: Value = serde_json::from_slice(&head).unwrap_or_default();
        // A page for people, of whatever stands in between, has no items either.
        if head.get("items").is_none() {
            return Err(Failure::new(Code::Unsupported, "what answers is no list"));
        }
        Ok((items, seen, next(&head)))
    }
}
