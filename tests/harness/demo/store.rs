//! `demo_store`: a write that ends by itself, if it is let; in its task, or on a thread its task does not wait for.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Code, Result, Tool, ToolError, Write};

use super::{Demo, Said, said};

/// Longer than a thread needs that is only cut, and shorter than the grace.
const LAST: Duration = Duration::from_millis(300);

/// Writes a file in two steps, the second a while after it was cancelled.
pub struct Store;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct StoreParams {
    /// The file, absolute.
    file: PathBuf,
    /// Whether it answers when it is cancelled, while its thread still writes. Default false.
    #[serde(default)]
    early: bool,
}

impl Tool for Store {
    const NAME: &'static str = "demo_store";
    const TITLE: &'static str = "Store";
    const DESCRIPTION: &'static str = "Writes a file, slowly, until after it is cancelled.";
    const EXAMPLE: &'static str = "file=/tmp/demo";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: false };
    type Access = Write;
    type Server = Demo;
    type Params = StoreParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: StoreParams, call: Call) -> Result<Said> {
        let write = move |text: &str| {
            fs::write(&params.file, text)
                .map_err(|error| ToolError::new(Code::Unavailable, format!("could not write: {error}")))
        };
        if !params.early {
            write("begun")?;
            call.cancellation().cancelled().await;
            tokio::time::sleep(LAST).await;
            write("finished")?;
            return Ok(said("stored"));
        }
        let begun = call.clone();
        let work = call.waiting(move || {
            write("begun")?;
            while begun.check().is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(LAST);
            write("finished")?;
            Ok(said("stored"))
        });
        tokio::select! {
            done = work => done,
            () = call.cancellation().cancelled() => Err(call.stopped()),
        }
    }
}
