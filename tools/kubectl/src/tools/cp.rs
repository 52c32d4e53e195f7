//! `kubectl_cp`: a file or directory from a container into the workspace, or the other way.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rustix::fs::{AtFlags, FileType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Result, Text, Tool, ToolError, Untrusted, Write,
    exec::Argv,
    workspace::{NewPath, Workspace},
};

use crate::{
    Kubectl, argv, failure, remote,
    resource::{self, Resource},
    run::{Done, Request},
    scope::{Place, Reach, Scope},
};

/// Seconds when the caller does not say.
const SECONDS: u32 = 60;
/// The most seconds.
const SECONDS_MAX: u32 = 600;
/// What is copied goes by this name until it is whole.
const CONTENT: &str = "content";

/// The tool.
pub struct Cp;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// pod:/path, or a path in the workspace.
    src: String,
    /// The other of the two.
    dst: String,
    /// Default: the context's own.
    namespace: Option<String>,
    /// Default: the pod's main one.
    container: Option<String>,
    /// Seconds; default 60, max 600.
    timeout: Option<u32>,
    /// Kubeconfig context.
    context: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Copied {
    /// Where the pod is.
    scope: Place,
    /// From where.
    from: Untrusted,
    /// To where.
    to: Untrusted,
    /// Bytes, if it was one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// What kubectl says: links that were left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Untrusted>,
}

impl Answer for Copied {
    fn text(&self, text: &mut Text<'_>) {
        let what = match self.bytes {
            Some(bytes) => format!("a file of {bytes} bytes"),
            None => String::from("a directory"),
        };
        let (from, to) = (self.from.quoted(), self.to.quoted());
        text.line(format_args!("{}: copied {what} from {from} to {to}", self.scope.shown()));
        if let Some(note) = &self.note {
            text.line(format_args!("kubectl says: {}", note.quoted()));
        }
    }
}

impl Tool for Cp {
    const NAME: &'static str = "kubectl_cp";
    const TITLE: &'static str = "Copy files";
    const DESCRIPTION: &'static str = "Copies between a container, which needs tar, and the workspace.";
    const EXAMPLE: &'static str = "src=web-0:/etc/hosts dst=hosts";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
    const TIMEOUT: Duration = Duration::from_secs(SECONDS_MAX as u64 + 30);
    const ALIASES: &'static [(&'static str, &'static str)] =
        &[("source", "src"), ("destination", "dst"), ("ns", "namespace")];

    type Access = Write;
    type Server = Kubectl;
    type Params = Params;
    type Output = Copied;

    async fn run(server: Arc<Kubectl>, params: Params, call: Call) -> Result<Copied> {
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false)?;
        let seconds = argv::seconds(params.timeout, SECONDS, SECONDS_MAX)?;
        let side = Side::of(&params)?;
        let workspace = server.workspace()?;
        let (argv, landing) = match &side {
            Side::Up { pod, local } => {
                let source = workspace.resolve("src", local)?;
                if !source.is_dir() && !source.is_file() {
                    return Err(ToolError::invalid("src is neither a file nor a directory").hint("copy what is one"));
                }
                let local = source.absolute()?;
                let bytes = source.is_file().then(|| source.metadata()).transpose()?.map(|metadata| metadata.len());
                (argv(&params, &scope, [&plain("src", &local)?, &pod.shown()])?, Landing::There(bytes))
            }
            Side::Down { pod, local } => {
                let target = target(workspace, local, &pod.path)?;
                let staging = target.staging().create_dir()?;
                let local = staging.path().absolute()?.join(CONTENT);
                (
                    argv(&params, &scope, [&pod.shown(), &plain("dst", &local)?])?,
                    Landing::Here(Box::new((staging, target))),
                )
            }
        };
        let request = Request::new(argv, &scope).streaming().timeout(Duration::from_secs(seconds.into()));
        let done = server.attempt(request, &call).await?;
        let (pod, local) = side.parts();
        let about = Resource::new("pod", Some(&pod.pod))?;
        let said = failure::words(&done.outcome);
        if !done.outcome.success() {
            return Err(failed(&server, &said, &done, &scope, &about, &call).await);
        }
        let (bytes, to) = match landing {
            Landing::There(bytes) => (bytes, None),
            Landing::Here(both) => {
                let (staging, target) = *both;
                (land(staging.path(), &target)?, Some(target.display()))
            }
        };
        let note = Some(said).filter(|said| said.contains("symlink") || said.contains("warning"));
        let (pod, local) = (pod.shown(), to.unwrap_or_else(|| local.to_owned()));
        let up = matches!(side, Side::Up { .. });
        let (from, to) = if up { (local, pod) } else { (pod, local) };
        Ok(Copied {
            scope: done.place,
            from: Untrusted::line(&from),
            to: Untrusted::line(&to),
            bytes,
            note: note.as_deref().map(Untrusted::line),
        })
    }
}

/// Where what is copied comes down.
enum Landing {
    /// In the container; so many bytes, if it is a file.
    There(Option<u64>),
    /// In the workspace: first into a directory of its own, which goes away with this, then to its place.
    Here(Box<(shared::workspace::Created, NewPath)>),
}

/// A path in a pod.
#[derive(Debug, PartialEq, Eq)]
struct InPod {
    pod: String,
    path: String,
}

impl InPod {
    fn shown(&self) -> String {
        format!("{}:{}", self.pod, self.path)
    }

    /// `web-0:/etc/hosts`; a word without a colon is a local path.
    fn read(parameter: &str, text: &str) -> Result<Option<Self>> {
        let Some((pod, path)) = text.split_once(':') else { return Ok(None) };
        let pod = resource::object_name(parameter, pod).map_err(|_| {
            ToolError::invalid(format!("{parameter} is not pod:/path")).hint("pass the namespace by its own parameter")
        })?;
        // tar in the container would take it for an option.
        if path.is_empty() || path.starts_with('-') {
            return Err(ToolError::invalid(format!("{parameter} has no path in the pod")).hint("pass pod:/path"));
        }
        Ok(Some(Self { pod, path: argv::plain(parameter, path)?.to_owned() }))
    }
}

/// Which of the two is in the pod.
enum Side {
    Up { pod: InPod, local: String },
    Down { pod: InPod, local: String },
}

impl Side {
    fn of(params: &Params) -> Result<Self> {
        match (InPod::read("src", &params.src)?, InPod::read("dst", &params.dst)?) {
            (None, Some(pod)) => Ok(Self::Up { pod, local: params.src.clone() }),
            (Some(pod), None) => Ok(Self::Down { pod, local: params.dst.clone() }),
            _ => Err(ToolError::invalid("one of src and dst has to be in a pod and the other in the workspace")
                .hint("for example src=web-0:/etc/hosts dst=hosts")),
        }
    }

    fn parts(&self) -> (&InPod, &str) {
        match self {
            Self::Up { pod, local } | Self::Down { pod, local } => (pod, local),
        }
    }
}

/// The place `dst` names: in it, where it is a directory.
fn target(workspace: &Workspace, dst: &str, path: &str) -> Result<NewPath> {
    let into = workspace.resolve("dst", dst).is_ok_and(|existing| existing.is_dir());
    if !into {
        return workspace.resolve_new_or_existing("dst", dst);
    }
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    workspace.resolve_new_or_existing("dst", &format!("{}/{name}", if dst.is_empty() { "." } else { dst }))
}

/// A local path as kubectl takes it: what has a colon it would look for in a pod.
fn plain(parameter: &str, path: &std::path::Path) -> Result<String> {
    match path.to_str() {
        Some(text) if !text.contains(':') => Ok(text.to_owned()),
        _ => Err(ToolError::new(
            Code::Unsupported,
            format!("{parameter} has a colon or is no text, which kubectl cannot copy"),
        )
        .hint("choose another name")),
    }
}

/// Brings what was copied to its place in one step, by handles: whatever becomes of the names meanwhile, it stays in the workspace.
fn land(staging: &shared::workspace::WorkspacePath, target: &NewPath) -> Result<Option<u64>> {
    let from = staging.open_dir()?;
    let stat = rustix::fs::statat(&from, CONTENT, AtFlags::SYMLINK_NOFOLLOW).map_err(|_| {
        ToolError::new(Code::NotFound, "nothing was copied").hint("check the path in the pod; links are not followed")
    })?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::Directory) {
        return Err(ToolError::new(Code::Unsupported, "it is neither a file nor a directory").hint("copy what is one"));
    }
    let to = target.parent().open_dir()?;
    rustix::fs::renameat(&from, CONTENT, &to, target.name()).map_err(|errno| {
        ToolError::new(Code::Conflict, format!("{} is taken and cannot be replaced: {errno}", target.display()))
            .hint("choose another dst")
    })?;
    Ok((kind == FileType::RegularFile).then(|| u64::try_from(stat.st_size).unwrap_or_default()))
}

async fn failed(server: &Kubectl, said: &str, done: &Done, scope: &Scope, about: &Resource, call: &Call) -> ToolError {
    if said.contains("executable file not found") {
        return ToolError::new(Code::Unsupported, format!("{} has no tar, with which kubectl copies", about.shown()))
            .hint("read a file with kubectl_exec")
            .with_said(said);
    }
    if said.contains("No such file or directory") || said.contains("doesn't exist") {
        return ToolError::new(Code::NotFound, format!("there is no such path in {}", about.shown()))
            .hint("look with kubectl_exec command='ls'")
            .with_said(said);
    }
    server.explain(said, &done.place, scope, Some(about), call).await
}

fn argv(params: &Params, scope: &Scope, both: [&String; 2]) -> Result<Argv> {
    let argv = remote::container(argv::verb("cp", scope, Reach::One)?, params.container.as_deref())?;
    let [src, dst] = both.map(PathBuf::from);
    argv.positional("src", src)?.positional("dst", dst)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::argv::tests::words;

    fn read(params: serde_json::Value) -> Result<(Params, Side)> {
        let params: Params = serde_json::from_value(params).unwrap();
        let side = Side::of(&params)?;
        Ok((params, side))
    }

    #[test]
    fn its_arguments() {
        let (params, side) =
            read(json!({"src": "web-0:/etc/hosts", "dst": "h", "namespace": "n", "container": "c", "context": "k"}))
                .unwrap();
        let scope = Scope::new(params.context.as_deref(), params.namespace.as_deref(), false).unwrap();
        let argv = argv(&params, &scope, [&side.parts().0.shown(), &"/ws/h".to_owned()]).unwrap();
        assert_eq!(words(&argv), ["cp", "--context=k", "--namespace=n", "--container=c", "web-0:/etc/hosts", "/ws/h"]);
        assert!(matches!(read(json!({"src": "h", "dst": "web-0:x"})).unwrap().1, Side::Up { .. }));
        for (src, dst) in [
            ("a", "b"),
            ("a:/b", "c:/d"),
            ("--x:/b", "c"),
            ("n/a:/b", "c"),
            ("a:", "c"),
            ("a:--checkpoint=1", "c"),
            ("a:/b\n", "c"),
            (":/b", "c"),
        ] {
            assert!(read(json!({"src": src, "dst": dst})).is_err(), "{src} {dst}");
        }
        assert!(plain("src", "/ws/a:b".as_ref()).is_err());
    }
}
