//! The protocol's requests, answered from a registry.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, DiscoverResult,
        Implementation, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities,
        ServerConfig, Tool as WireTool, ToolAnnotations,
    },
    service::RequestContext,
};

use crate::{
    Access, Server,
    call::Progress,
    erased::Spec,
    registry::{Outcome, Registry},
};

/// How long a client may keep the tool list: it is fixed for the life of a process.
const LIST_TTL_MS: u64 = 24 * 60 * 60 * 1000;

/// Answers one session's requests.
pub(crate) struct Handler<S>(Arc<Registry<S>>);

impl<S> Clone for Handler<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Server> Handler<S> {
    pub(crate) fn new(registry: Arc<Registry<S>>) -> Self {
        Self(registry)
    }

    fn wire(&self, spec: &Spec) -> WireTool {
        let mut tool = WireTool::new(spec.name, spec.description, spec.input.clone()).with_title(spec.title);
        tool.annotations = Some(ToolAnnotations::from_raw(
            None,
            Some(spec.access == Access::Read),
            Some(spec.annotations.destructive),
            Some(spec.annotations.idempotent),
            Some(spec.annotations.open_world),
        ));
        if self.0.settings().results.structured() {
            tool.output_schema = self.0.output_schema(spec.name).cloned();
        }
        tool
    }
}

impl<S: Server> ServerHandler for Handler<S> {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(format!("mcp-{}", S::NAME), S::VERSION))
            .with_instructions(S::INSTRUCTIONS)
    }

    async fn discover(&self, _: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        Ok(DiscoverResult::from_server_info(self.supported_protocol_versions().into_owned(), self.get_info())
            .with_ttl_ms(LIST_TTL_MS))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.0.specs().map(|spec| self.wire(spec)).collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let progress = Progress::default();
        let trace =
            context.meta.0.0.get("traceparent").and_then(|value| value.as_str()).filter(|value| is_traceparent(value));
        let arguments = request.arguments.unwrap_or_default();
        let call = self.0.call(&request.name, arguments, context.ct.clone(), progress.clone(), trace);
        let outcome = tokio::select! {
            outcome = call => outcome,
            never = notify(&context, &progress) => match never {},
        };
        match outcome {
            Ok(outcome) => Ok(CallToolResponse::Complete(result(outcome))),
            Err(message) => Err(ErrorData::invalid_params(message, None)),
        }
    }
}

fn result(outcome: Outcome) -> CallToolResult {
    let content = outcome.rendered.text.map(ContentBlock::text).into_iter().collect();
    let mut result = match outcome.error {
        None => CallToolResult::success(content),
        Some(_) => CallToolResult::error(content),
    };
    result.structured_content = outcome.rendered.json;
    result
}

/// Sends a progress notification each second once the work has taken one, if the caller asked for them.
async fn notify(context: &RequestContext<RoleServer>, progress: &Progress) -> std::convert::Infallible {
    let Some(token) = context.meta.get_progress_token() else { return std::future::pending().await };
    let mut sent = 0.0;
    let mut seconds = 0.0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        seconds += 1.0;
        let (done, total, message) = progress.last();
        // Progress must grow with every notification, also while the work only waits.
        let reported = if done > 0 { done as f64 } else { seconds };
        let value = if reported > sent { reported } else { sent + 0.001 };
        sent = value;
        let mut params = ProgressNotificationParam::new(token.clone(), value);
        if total > 0 {
            params.total = Some((total as f64).max(value));
        }
        if !message.is_empty() {
            params.message = Some(crate::redact::redact(&crate::sanitize::inline(&message, 200)).into_owned());
        }
        if context.peer.notify_progress(params).await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// `version-traceid-parentid-flags` in hexadecimal, as the W3C defines it: anything else does not reach the logs.
fn is_traceparent(value: &str) -> bool {
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    lengths == [2, 32, 16, 2] && value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
