//! Tools whose types have been forgotten, so that a registry can hold them side by side.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    Access, Call, Result, Tool,
    output::AnyAnswer,
    schema::{self, Schema},
    tool::{AccessKind, Annotations},
};

/// The boxed future of a call.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Box<dyn AnyAnswer>>> + Send>>;

/// Everything about a tool that is known without running it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// See [`Tool::NAME`].
    pub name: &'static str,
    /// See [`Tool::TITLE`].
    pub title: &'static str,
    /// See [`Tool::DESCRIPTION`].
    pub description: &'static str,
    /// See [`Tool::EXAMPLE`].
    pub example: &'static str,
    /// Whether it may change anything.
    pub access: Access,
    /// See [`Tool::ANNOTATIONS`].
    pub annotations: Annotations,
    /// See [`Tool::TIMEOUT`].
    pub timeout: Duration,
    /// See [`Tool::ALIASES`].
    pub aliases: &'static [(&'static str, &'static str)],
    /// The input schema: one inlined object.
    pub input: Arc<Schema>,
}

impl Spec {
    /// Whether there is a parameter of this name.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.input.get("properties").is_some_and(|properties| properties.get(name).is_some())
    }
}

/// A tool of server `S`.
pub(crate) trait AnyTool<S>: Send + Sync {
    fn name(&self) -> &'static str;
    fn access(&self) -> Access;
    fn spec(&self) -> &Spec;
    /// The schema of the structured value; made when first asked for.
    fn output(&self) -> &Arc<Schema>;
    fn run(&self, server: Arc<S>, arguments: Map<String, Value>, call: Call) -> Running;
}

pub(crate) struct Erased<T> {
    spec: OnceLock<Spec>,
    output: OnceLock<Arc<Schema>>,
    _tool: PhantomData<fn() -> T>,
}

impl<T: Tool> Erased<T> {
    pub(crate) fn new(_: T) -> Self {
        Self { spec: OnceLock::new(), output: OnceLock::new(), _tool: PhantomData }
    }
}

impl<T: Tool> AnyTool<T::Server> for Erased<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn access(&self) -> Access {
        T::Access::ACCESS
    }

    fn spec(&self) -> &Spec {
        self.spec.get_or_init(|| Spec {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            example: T::EXAMPLE,
            access: T::Access::ACCESS,
            annotations: T::ANNOTATIONS,
            timeout: T::TIMEOUT,
            aliases: T::ALIASES,
            input: Arc::new(schema::input::<T::Params>(T::BUDGETED, T::PAGED)),
        })
    }

    fn output(&self) -> &Arc<Schema> {
        self.output.get_or_init(|| Arc::new(schema::output::<T::Output>()))
    }

    fn run(&self, server: Arc<T::Server>, arguments: Map<String, Value>, call: Call) -> Running {
        Box::pin(async move {
            let params: T::Params = crate::arguments::deserialize(arguments)?;
            let answer = T::run(server, params, call).await?;
            Ok(Box::new(answer) as Box<dyn AnyAnswer>)
        })
    }
}
