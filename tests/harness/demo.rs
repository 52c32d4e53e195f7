//! A server of awkward tools: they panic, sleep, ignore cancellation and answer with more than anybody wants.

mod program;
mod store;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Face, Lines, List, Mode, Read, Records, Result, Server, Text, Tool, ToolError,
    Toolset, Untrusted, Write, doctor::Check,
};

/// The server.
#[derive(Default)]
pub struct Demo {
    written: AtomicU64,
}

impl Server for Demo {
    const NAME: &'static str = "demo";
    const DESCRIPTION: &'static str = "Tools that misbehave on purpose";
    const INSTRUCTIONS: &'static str = "For tests.";
    const DEFAULT_MODE: Mode = Mode::Readwrite;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn new(_: Face) -> Self {
        Self::default()
    }

    fn tools(set: &mut Toolset<Self>) {
        set.read(Echo).read(Items).read(Long).read(Panic).read(Sleep).read(Stubborn).read(Late).read(Work).read(Fail);
        set.write(Put).write(store::Store).write(program::Run);
    }

    fn checks(&self) -> Vec<Check> {
        vec![Check::program(program::PROGRAM)]
    }
}

/// One sentence of a stranger.
#[derive(Serialize, JsonSchema)]
pub struct Said {
    /// The sentence.
    said: Untrusted,
}

impl Answer for Said {
    fn text(&self, text: &mut Text<'_>) {
        text.framed(|inside| self.said.inside(inside).to_owned());
    }
}

fn said(text: &str) -> Said {
    Said { said: Untrusted::line(text) }
}

/// Gives back what it is given.
pub struct Echo;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct EchoParams {
    /// What to say.
    message: String,
}

impl Tool for Echo {
    const NAME: &'static str = "demo_echo";
    const TITLE: &'static str = "Echo";
    const DESCRIPTION: &'static str = "Gives back a message.";
    const EXAMPLE: &'static str = "message=hello";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const ALIASES: &'static [(&'static str, &'static str)] = &[("msg", "message")];
    type Access = Read;
    type Server = Demo;
    type Params = EchoParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: EchoParams, _: Call) -> Result<Said> {
        Ok(said(&params.message))
    }
}

/// Many records.
pub struct Items;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct ItemsParams {
    /// How many.
    count: u32,
    /// What each of them says after its number.
    filler: Option<String>,
}

/// An item.
#[derive(Serialize, JsonSchema)]
pub struct Item {
    /// Its number, from 0.
    number: u32,
    /// Its text.
    filler: Untrusted,
}

/// Many records.
#[derive(Serialize, JsonSchema)]
pub struct Many {
    /// The items.
    items: Records<Item>,
}

impl Answer for Many {
    fn text(&self, text: &mut Text<'_>) {
        text.line("items of the demo:");
        text.records(&self.items, |item, inside| format!("#{} {}", item.number, item.filler.inside(inside)));
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.items]
    }
}

impl Tool for Items {
    const NAME: &'static str = "demo_items";
    const TITLE: &'static str = "Items";
    const DESCRIPTION: &'static str = "Answers with numbered items.";
    const EXAMPLE: &'static str = "count=3";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;
    type Access = Read;
    type Server = Demo;
    type Params = ItemsParams;
    type Output = Many;

    async fn run(_: Arc<Demo>, params: ItemsParams, call: Call) -> Result<Many> {
        let filler = params.filler.unwrap_or_default();
        let item = |number| Item { number, filler: Untrusted::line(&filler) };
        let page = call.page(params.count.to_string())?;
        Ok(Many { items: Records::paged("items", (0..params.count).map(item).collect(), page) })
    }
}

/// Long text.
pub struct Long;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct LongParams {
    /// Lines there are.
    lines: usize,
    /// Characters of each.
    width: usize,
}

/// Long text.
#[derive(Serialize, JsonSchema)]
pub struct LongText {
    /// The text.
    body: Lines,
}

impl Answer for LongText {
    fn text(&self, text: &mut Text<'_>) {
        text.line("a long text:");
        text.lines(&self.body);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.body]
    }
}

impl Tool for Long {
    const NAME: &'static str = "demo_long";
    const TITLE: &'static str = "Long text";
    const DESCRIPTION: &'static str = "Answers with a text of any size.";
    const EXAMPLE: &'static str = "lines=3 width=10";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;
    type Access = Read;
    type Server = Demo;
    type Params = LongParams;
    type Output = LongText;

    async fn run(_: Arc<Demo>, params: LongParams, call: Call) -> Result<LongText> {
        let page = call.page("fixed")?;
        call.blocking(move || {
            let text = format!("{}\n", "é".repeat(params.width)).repeat(params.lines);
            Ok(LongText { body: Lines::paged("lines", text.as_bytes(), page) })
        })
        .await
    }
}

/// Panics.
pub struct Panic;

/// No parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Nothing {}

impl Tool for Panic {
    const NAME: &'static str = "demo_panic";
    const TITLE: &'static str = "Panic";
    const DESCRIPTION: &'static str = "Panics.";
    const EXAMPLE: &'static str = "";
    const ANNOTATIONS: Annotations = Annotations::READ;
    type Access = Read;
    type Server = Demo;
    type Params = Nothing;
    type Output = Said;

    async fn run(_: Arc<Demo>, _: Nothing, call: Call) -> Result<Said> {
        call.blocking(|| panic!("on purpose")).await
    }
}

/// Sleeps and can be woken.
pub struct Sleep;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct SleepParams {
    /// For how long, in milliseconds.
    millis: u64,
}

impl Tool for Sleep {
    const NAME: &'static str = "demo_sleep";
    const TITLE: &'static str = "Sleep";
    const DESCRIPTION: &'static str = "Sleeps until its time is up or it is cancelled.";
    const EXAMPLE: &'static str = "millis=10";
    const ANNOTATIONS: Annotations = Annotations::READ;
    type Access = Read;
    type Server = Demo;
    type Params = SleepParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: SleepParams, call: Call) -> Result<Said> {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(params.millis)) => Ok(said("slept")),
            () = call.cancellation().cancelled() => Err(call.stopped()),
        }
    }
}

/// Blocks a thread and does not listen.
pub struct Stubborn;

impl Tool for Stubborn {
    const NAME: &'static str = "demo_stubborn";
    const TITLE: &'static str = "Sleep deeply";
    const DESCRIPTION: &'static str = "Blocks a thread and ignores cancellation.";
    const EXAMPLE: &'static str = "millis=10";
    const ANNOTATIONS: Annotations = Annotations::READ;
    type Access = Read;
    type Server = Demo;
    type Params = SleepParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: SleepParams, call: Call) -> Result<Said> {
        call.waiting(move || {
            std::thread::sleep(Duration::from_millis(params.millis));
            Ok(said("slept"))
        })
        .await
    }
}

/// Takes longer than it may.
pub struct Late;

impl Tool for Late {
    const NAME: &'static str = "demo_late";
    const TITLE: &'static str = "Be late";
    const DESCRIPTION: &'static str = "Never comes back in time.";
    const EXAMPLE: &'static str = "";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const TIMEOUT: Duration = Duration::from_millis(200);
    type Access = Read;
    type Server = Demo;
    type Params = Nothing;
    type Output = Said;

    async fn run(_: Arc<Demo>, _: Nothing, _: Call) -> Result<Said> {
        std::future::pending().await
    }
}

/// Reports how far it is.
pub struct Work;

impl Tool for Work {
    const NAME: &'static str = "demo_work";
    const TITLE: &'static str = "Work";
    const DESCRIPTION: &'static str = "Works and says how far it is.";
    const EXAMPLE: &'static str = "millis=10";
    const ANNOTATIONS: Annotations = Annotations::READ;
    type Access = Read;
    type Server = Demo;
    type Params = SleepParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: SleepParams, call: Call) -> Result<Said> {
        let started = Instant::now();
        let whole = Duration::from_millis(params.millis);
        while started.elapsed() < whole {
            call.progress().report(started.elapsed().as_millis() as u64, params.millis, "working");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(said("worked"))
    }
}

/// Fails.
pub struct Fail;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct FailParams {
    /// What somebody else said about it.
    words: String,
}

impl Tool for Fail {
    const NAME: &'static str = "demo_fail";
    const TITLE: &'static str = "Fail";
    const DESCRIPTION: &'static str = "Fails with the words of somebody else.";
    const EXAMPLE: &'static str = "words=no";
    const ANNOTATIONS: Annotations = Annotations::READ;
    type Access = Read;
    type Server = Demo;
    type Params = FailParams;
    type Output = Said;

    async fn run(_: Arc<Demo>, params: FailParams, _: Call) -> Result<Said> {
        Err(ToolError::new(Code::Conflict, "the other side refused").hint("ask it nicely").with_said(params.words))
    }
}

/// Changes something.
pub struct Put;

/// How often something was changed.
#[derive(Serialize, JsonSchema)]
pub struct Written {
    /// Times so far.
    times: u64,
}

impl Answer for Written {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("written {} times", self.times));
    }
}

impl Tool for Put {
    const NAME: &'static str = "demo_put";
    const TITLE: &'static str = "Put";
    const DESCRIPTION: &'static str = "Changes the state of the server.";
    const EXAMPLE: &'static str = "";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: false };
    type Access = Write;
    type Server = Demo;
    type Params = Nothing;
    type Output = Written;

    async fn run(server: Arc<Demo>, _: Nothing, _: Call) -> Result<Written> {
        Ok(Written { times: server.written.fetch_add(1, Ordering::Relaxed) + 1 })
    }
}
