//! How fast logs are distilled, and in how much memory: `cargo run --release -p mcp-kube-explore --example distil [LINES]`.
//!
//! The text is made up, of the kinds services write (logfmt, JSON, klog, access logs, Java traces), from 50 sources in turn, a part at a time.
//! It is made twice, once without being distilled: the difference in processor time is what distilling costs, also on a machine that has more
//! to do than this.

use std::{env, time::Instant};

use mcp_kube_explore::distil::{Distiller, Options, Splitter};

const SOURCES: u64 = 50;
/// Lines of one source that come at once.
const TURN: u64 = 200;

fn main() {
    let lines: u64 = env::args().nth(1).and_then(|lines| lines.parse().ok()).unwrap_or(1_000_000);
    let begun = processor();
    let mut bytes = 0;
    make(lines, |_, chunk| bytes += chunk.len());
    let making = processor() - begun;
    let before = status("VmHWM:");

    let (begun, began) = (processor(), Instant::now());
    let mut distiller = Distiller::new(Options { stamped: true, grep: None, last: 10_000 });
    let mut splitters: Vec<Splitter> = (0..SOURCES).map(|_| Splitter::default()).collect();
    make(lines, |source, chunk| {
        if let Some(splitter) = splitters.get_mut(usize::from(source)) {
            splitter.push(chunk, &mut |line| distiller.line(source, line));
        }
    });
    let digest = distiller.finish();
    let taken = processor() - begun - making;
    eprintln!("{} MB in {taken:.2} s of one processor: {:.0} MB/s", bytes / 1_000_000, bytes as f64 / 1e6 / taken);
    eprintln!("with making the text it took {:.2?} of time", began.elapsed());
    eprintln!("{:?}", digest.counts);
    eprintln!(
        "{} kinds of errors, {} templates, {} lines in none",
        digest.errors.len(),
        digest.folded.len(),
        digest.unfolded
    );
    eprintln!("peak resident {} KiB, of which {before} KiB without distilling", status("VmHWM:"));
}

/// Makes the lines, and hands on some of one source at once.
fn make(lines: u64, mut take: impl FnMut(u16, &[u8])) {
    let mut chunk = String::new();
    let mut made = 0;
    while made < lines {
        let source = made / TURN % SOURCES;
        chunk.clear();
        for _ in 0..TURN.min(lines - made) {
            line(made, &mut chunk);
            made += 1;
        }
        take(source as u16, chunk.as_bytes());
    }
}

/// Adds the next line. Its numbers are chance of a sort, and the same each time.
fn line(n: u64, to: &mut String) {
    use std::fmt::Write as _;
    let chance = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let (a, b, c) = (chance % 256, (chance >> 8) % 1_000, (chance >> 20) % 10_000);
    let time = format!("2026-01-31T08:{:02}:{:02}.{:09}Z", n / 60_000 % 60, n / 1_000 % 60, chance % 1_000_000_000);
    // Writing to a String does not fail.
    let _ = match n % 16 {
        0..4 => writeln!(
            to,
            "{time} time=\"{time}\" level=info msg=\"request served\" method=GET path=/api/users/{c}/orders status=200 took={b}ms remote=10.{a}.3.{a}:{c}"
        ),
        4..8 => writeln!(
            to,
            "{time} {{\"level\":\"info\",\"ts\":{chance},\"caller\":\"http/server.go:{a}\",\"msg\":\"handled request\",\"user\":\"u{c}\",\"id\":\"{chance:016x}\",\"bytes\":{c}}}"
        ),
        8..11 => writeln!(
            to,
            "{time} 10.{a}.0.{a} - - [31/Jan/2026:08:00:00 +0000] \"GET /static/app.{b}.js HTTP/1.1\" 200 {c} \"-\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\""
        ),
        11..13 => writeln!(
            to,
            "{time} I0131 08:00:00.{c:06}       1 reconciler.go:{a}] \"Reconciling\" object=\"shop/web-{b}\" generation={a} requeueAfter=\"{a}s\""
        ),
        13 => writeln!(
            to,
            "{time} 2026-01-31 08:00:00,{b:03} WARN  [worker-{a}] c.a.s.OrderService - order {c} is late by {b} ms, trying again"
        ),
        14 if n % 160 == 14 => writeln!(
            to,
            "{time} 2026-01-31 08:00:00,{b:03} ERROR [worker-{a}] c.a.s.OrderService - order {c} could not be stored\n{time} java.sql.SQLException: connection refused\n{time} \tat com.acme.shop.Store.put(Store.java:{})\n{time} \tat com.acme.shop.Orders.run(Orders.java:41)",
            10 + a % 3
        ),
        14 => writeln!(
            to,
            "{time} 2026-01-31 08:00:00,{b:03} DEBUG [worker-{a}] c.a.s.Cache - entry {chance:x} of shard {a} was evicted after {b} ms"
        ),
        _ => writeln!(
            to,
            "{time} heartbeat {n} from node-{a}.eu.example.com: load 0.{b}, {c} connections, queue depth {a}"
        ),
    };
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Seconds of processor time so far, without what the kernel did. The kernel counts them in hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default() / 100.0
}
