//! Telling a person how far it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Who is told what is on its way.
pub trait Progress: Send + Sync {
    /// Something called `name` of `size` bytes begins.
    fn started(&self, name: &str, size: u64) -> Arc<dyn Step>;
}

/// One thing on its way.
pub trait Step: Send + Sync {
    /// So many bytes of it have come or gone. After a cut it may be fewer than before.
    fn reached(&self, bytes: u64);
    /// It is done.
    fn finished(&self);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _: &str, _: u64) -> Arc<dyn Step> {
        Arc::new(Self)
    }
}

impl Step for Silent {
    fn reached(&self, _: u64) {}
    fn finished(&self) {}
}

/// Bars on a terminal, on stderr.
pub struct Bars {
    all: MultiProgress,
    verb: &'static str,
}

impl Bars {
    /// Bars with `verb` before each: `pushing`.
    pub fn new(verb: &'static str) -> Self {
        Self { all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()), verb }
    }
}

impl Progress for Bars {
    fn started(&self, name: &str, size: u64) -> Arc<dyn Step> {
        let bar = self.all.add(ProgressBar::new(size));
        let template = "{prefix} {msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(self.verb);
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Arc::new(Bar(bar))
    }
}

struct Bar(ProgressBar);

impl Step for Bar {
    fn reached(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    fn finished(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // What failed leaves no bar behind: the error says it.
        self.0.finish_and_clear();
    }
}

/// Plain lines where there is no terminal: one when something large is under way, one when it is done.
pub struct Lines {
    verb: &'static str,
    say: fn(&str),
}

/// What is smaller is not worth a line.
const WORTH_A_LINE: u64 = 1 << 20;

impl Lines {
    /// Lines with `verb` before each, handed to `say`.
    pub fn new(verb: &'static str, say: fn(&str)) -> Self {
        Self { verb, say }
    }
}

impl Progress for Lines {
    fn started(&self, name: &str, size: u64) -> Arc<dyn Step> {
        let line = Line { name: format!("{} {name}", self.verb), size, quarters: AtomicU64::new(0), say: self.say };
        if size >= WORTH_A_LINE {
            (self.say)(&format!("{}: {}", line.name, mebibytes(size)));
        }
        Arc::new(line)
    }
}

struct Line {
    name: String,
    size: u64,
    quarters: AtomicU64,
    say: fn(&str),
}

impl Step for Line {
    fn reached(&self, bytes: u64) {
        // A quarter of something small is not worth one either.
        if self.size < 16 * WORTH_A_LINE {
            return;
        }
        let quarters = bytes.saturating_mul(4) / self.size;
        if quarters < 4 && self.quarters.fetch_max(quarters, Ordering::Relaxed) < quarters {
            (self.say)(&format!("{}: {} of {}", self.name, mebibytes(bytes), mebibytes(self.size)));
        }
    }

    fn finished(&self) {
        if self.size >= WORTH_A_LINE {
            (self.say)(&format!("{}: done", self.name));
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_mebibytes() {
        assert_eq!(mebibytes(0), "0.0 MiB");
        assert_eq!(mebibytes(3 << 19), "1.5 MiB");
        assert_eq!(mebibytes(u64::MAX), "17592186044415.9 MiB");
    }
}
