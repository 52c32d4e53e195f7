//! Whether a line tells of an error.
//!
//! A line that says its level (`level=info`, `"severity":"ERROR"`, `[warn]`, `E0102 …`, `FATAL:`) is believed. One that does not is an error
//! if it has a word for failing in it that is not denied: `0 errors` and `err=nil` are none.

use super::words::Kind;

/// How bad a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing bad.
    #[default]
    Plain,
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// What a program ends with.
    Fatal,
}

impl Level {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// What a word means for the level of its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    #[default]
    None,
    /// A level, and where it is none still a word for it.
    Level(Level),
    /// A level, or a word of any sentence.
    Label(Level),
    /// A word for failing.
    Bad,
    /// Denies the next word: `no errors`.
    No,
    /// Denies the word before: `err=nil`.
    Nil,
    /// Denies both.
    Zero,
    /// The name of a level: `level=`.
    LevelKey,
    /// The name of a message: `msg=`.
    Message,
    /// The first half of `segmentation fault`, `out of memory`, `timed out`, `exit code 1`, `HTTP/1.1" 500`.
    Segmentation,
    /// See [`Mark::Segmentation`].
    Fault,
    /// See [`Mark::Segmentation`].
    Out,
    /// See [`Mark::Segmentation`].
    Memory,
    /// See [`Mark::Segmentation`].
    Timed,
    /// See [`Mark::Segmentation`].
    Exit,
    /// See [`Mark::Segmentation`].
    Http,
}

impl Mark {
    /// Whether it is a level.
    pub fn is_level(self) -> bool {
        matches!(self, Self::Level(_) | Self::Label(_))
    }

    /// Whether it is a word for failing, as a name of something: `error=`.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Bad | Self::Level(_))
    }
}

const WORDS: &[(Mark, &[&str])] = &[
    (Mark::Level(Level::Fatal), &["fatal", "panic", "panicked"]),
    (Mark::Label(Level::Fatal), &["critical", "crit", "emerg", "emergency", "alert", "fata", "pani", "ftl", "pnc"]),
    (Mark::Level(Level::Error), &["error", "err", "traceback"]),
    (Mark::Label(Level::Error), &["severe", "eror", "erro", "fail"]),
    (Mark::Label(Level::Warning), &["warn", "warning", "wrn"]),
    (
        Mark::Label(Level::Plain),
        &["info", "inf", "debug", "dbg", "debu", "dbug", "trace", "trc", "notice", "information", "verbose", "fine"],
    ),
    (
        Mark::Bad,
        &[
            "errors",
            "failed",
            "failure",
            "failures",
            "failing",
            "exception",
            "exceptions",
            "refused",
            "denied",
            "unable",
            "aborted",
            "crashed",
            "unhandled",
            "uncaught",
            "unauthorized",
            "forbidden",
            "segfault",
            "oom",
            "oomkilled",
            "oom-kill",
            "oom-killer",
            "outofmemory",
            "killed",
            "sigsegv",
            "sigkill",
            "sigabrt",
            "sigbus",
            "unreachable",
            "deadlock",
            "corrupt",
            "corrupted",
            "evicted",
        ],
    ),
    (Mark::No, &["no", "without"]),
    (Mark::Nil, &["null", "nil", "none", "false", "undefined", "success", "ok"]),
    (Mark::Zero, &["0", "zero"]),
    (
        Mark::LevelKey,
        &["level", "lvl", "severity", "loglevel", "levelname", "log.level", "log_level", "@level", "levelstr"],
    ),
    (Mark::Message, &["msg", "message", "reason", "event", "log", "@message", "text", "cause"]),
    (Mark::Segmentation, &["segmentation"]),
    (Mark::Fault, &["fault"]),
    (Mark::Out, &["out"]),
    (Mark::Memory, &["memory"]),
    (Mark::Timed, &["timed"]),
    (Mark::Exit, &["exit", "exited"]),
    (Mark::Http, &["http"]),
];

const SLOTS: usize = 512;

/// The words that mean something, found by their hash.
#[derive(Debug)]
pub struct Marks {
    slots: Vec<Option<(u64, Mark)>>,
}

impl Marks {
    /// The table, for a way of hashing.
    pub fn new(hash: impl Fn(&[u8]) -> u64) -> Self {
        let mut slots = vec![None; SLOTS];
        for (mark, words) in WORDS {
            for word in *words {
                let hash = hash(word.as_bytes());
                let mut at = hash as usize % SLOTS;
                // There are more places than words.
                while let Some(Some(_)) = slots.get(at) {
                    at = (at + 1) % SLOTS;
                }
                if let Some(slot) = slots.get_mut(at) {
                    *slot = Some((hash, *mark));
                }
            }
        }
        Self { slots }
    }

    /// What `word` means.
    pub fn of(&self, hash: u64, word: &[u8]) -> Mark {
        let mut at = hash as usize % SLOTS;
        while let Some(Some((known, mark))) = self.slots.get(at) {
            if *known == hash {
                return *mark;
            }
            at = (at + 1) % SLOTS;
        }
        // NullPointerException, sqlalchemy.exc.OperationalError: a name ends so, with a capital.
        if word.ends_with(b"Exception") || word.ends_with(b"Error") { Mark::Bad } else { Mark::None }
    }
}

/// Reads the words of one line.
#[derive(Debug, Default)]
pub struct Judge {
    said: Option<Level>,
    bad: bool,
    /// A word for failing came that the next word may deny.
    pending: bool,
    key: Option<Mark>,
    last: [Mark; 2],
    count: u32,
    exit: Option<u32>,
    http: Option<u32>,
}

/// How many words into a line its level is looked for.
const EARLY: u32 = 12;

impl Judge {
    /// The name of the value that comes next.
    pub fn key(&self) -> Option<Mark> {
        self.key
    }

    /// The value is an empty string.
    pub fn empty(&mut self) {
        (self.key, self.pending) = (None, false);
    }

    /// The next word is one that means nothing.
    pub fn pass(&mut self) {
        self.count += 1;
        self.key = None;
        self.bad |= std::mem::take(&mut self.pending);
        self.last = [self.last[1], Mark::None];
    }

    /// The next word, with the bytes before and after it.
    pub fn word(&mut self, word: &[u8], mark: Mark, kind: Kind, before: u8, after: u8) {
        let number = self.count;
        self.count += 1;
        let key = self.key.take();
        if std::mem::take(&mut self.pending) && !matches!(mark, Mark::Nil | Mark::Zero) {
            self.bad = true;
        }
        if kind == Kind::Key {
            self.key = Some(mark);
            self.pending = mark.is_bad();
            self.last = [self.last[1], Mark::None];
            return;
        }
        if key == Some(Mark::LevelKey) && self.said.is_none() {
            self.said = match mark {
                Mark::Level(level) | Mark::Label(level) => Some(level),
                _ => numeric(word),
            };
        } else if number == 0 && kind == Kind::Var && self.said.is_none() {
            self.said = klog(word);
        }
        match mark {
            Mark::Level(level) | Mark::Label(level)
                if self.said.is_none() && number < EARLY && says(word, before, after) =>
            {
                self.said = Some(level);
            }
            Mark::Level(_) | Mark::Bad => self.fails(before, after),
            Mark::Fault if self.last[1] == Mark::Segmentation => self.bad = true,
            Mark::Memory if self.last[0] == Mark::Out => self.bad = true,
            Mark::Out if self.last[1] == Mark::Timed => self.bad = true,
            Mark::Exit => self.exit = Some(number),
            Mark::Http => self.http = Some(number),
            _ if kind == Kind::Var => self.number(word, number),
            _ => {}
        }
        self.last = [self.last[1], mark];
    }

    fn fails(&mut self, before: u8, after: u8) {
        // A part of a path, or denied: no error, 0 errors.
        if before == b'/' || after == b'/' || matches!(self.last[1], Mark::No | Mark::Zero) {
            return;
        }
        if matches!(after, b'=' | b':') {
            self.pending = true;
        } else {
            self.bad = true;
        }
    }

    /// The status a program ended or a request was answered with.
    fn number(&mut self, word: &[u8], number: u32) {
        let soon = |begun: Option<u32>, most: u32| begun.is_some_and(|begun| number - begun <= most);
        if soon(self.exit, 3) && word.iter().all(u8::is_ascii_digit) && word != b"0" {
            self.bad = true;
        }
        if soon(self.http, 2) && word.len() == 3 && word.starts_with(b"5") {
            self.bad = true;
        }
    }

    /// How bad the line was.
    pub fn level(self) -> Level {
        match self.said {
            Some(level) => level,
            None if self.bad || self.pending => Level::Error,
            None => Level::Plain,
        }
    }
}

/// Whether a word for a level is there to say the line's, and not as a word of a sentence.
fn says(word: &[u8], before: u8, after: u8) -> bool {
    let bracketed = matches!((before, after), (b'[', b']') | (b'<', b'>') | (b'(', b')') | (b'|', b'|'));
    let capitals = word.iter().all(u8::is_ascii_uppercase) && before != b'/' && after != b'/';
    let panics = word.eq_ignore_ascii_case(b"panicked") || word == b"Traceback";
    // `errors: 0` has no such word; `error: 0` is rare.
    capitals || bracketed || panics || after == b':'
}

/// The levels of bunyan and pino: 30 is info.
fn numeric(word: &[u8]) -> Option<Level> {
    match word {
        b"10" | b"20" | b"30" => Some(Level::Plain),
        b"40" => Some(Level::Warning),
        b"50" => Some(Level::Error),
        b"60" => Some(Level::Fatal),
        _ => None,
    }
}

/// `E0102`: the first word of a line of klog.
fn klog(word: &[u8]) -> Option<Level> {
    let (letter, date) = word.split_first()?;
    if date.len() != 4 || !date.iter().all(u8::is_ascii_digit) {
        return None;
    }
    match letter {
        b'I' => Some(Level::Plain),
        b'W' => Some(Level::Warning),
        b'E' => Some(Level::Error),
        b'F' => Some(Level::Fatal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::Words, *};

    #[test]
    fn a_line_tells_how_bad_it_is() {
        let (plain, warning, error, fatal) = (Level::Plain, Level::Warning, Level::Error, Level::Fatal);
        let mut words = Words::default();
        for (line, expected) in [
            ("", plain),
            ("listening on :8080", plain),
            ("level=error msg=\"x\"", error),
            ("time=\"2026-01-01T00:00:00Z\" level=warning msg=\"it failed\"", warning),
            ("level=info msg=\"0 errors\" error=\"connection refused\"", plain),
            (r#"{"level":"error","msg":"x"}"#, error),
            (r#"{"ts":1,"severity":"CRITICAL","message":"x"}"#, fatal),
            (r#"{"level": "info", "error": "x"}"#, plain),
            (r#"{"level":50,"msg":"x"}"#, error),
            (r#"{"level":30,"msg":"failed"}"#, plain),
            (r#"{"msg":"ok","error":null}"#, plain),
            (r#"{"msg":"ok","error":""}"#, plain),
            (r#"{"msg":"x","error":"no such file"}"#, error),
            (r#"{"msg":"x","error":"dial tcp: timeout"}"#, error),
            ("E0102 15:04:05.000000       1 main.go:10] it", error),
            ("I0102 15:04:05.000000       1 main.go:10] failed to list", plain),
            ("F0102 15:04:05.000000       1 main.go:10] it", fatal),
            ("2026-01-01 00:00:00,123 ERROR [main] c.a.Foo - no", error),
            ("2026-01-01 00:00:00,123 INFO [main] c.a.Foo - error handler registered", plain),
            ("2026-01-01 00:00:00 UTC [1] FATAL:  password authentication failed", fatal),
            ("2026/01/01 00:00:00 [error] 7#7: *1 open() failed", error),
            ("2026/01/01 00:00:00 [emerg] 7#7: bind() failed", fatal),
            ("FATAL: relation \"orders\" does not exist", fatal),
            ("panic: runtime error: index out of range", fatal),
            ("fatal error: all goroutines are asleep", error),
            ("thread 'main' panicked at src/main.rs:2:5:", fatal),
            ("Traceback (most recent call last):", error),
            ("ValueError: bad", error),
            ("Exception in thread \"main\" java.lang.NullPointerException", error),
            ("java.lang.OutOfMemoryError: Java heap space", error),
            ("npm ERR! code ELIFECYCLE", error),
            ("ERRO[0000] cannot", error),
            ("[12:00:00 WRN] slow", warning),
            ("ERROR:root:it", error),
            ("alert manager entered the critical section", plain),
            ("migration 42 failed: column exists", error),
            ("connect: connection refused", error),
            ("Out of memory: Killed process 12 (java)", error),
            ("Segmentation fault (core dumped)", error),
            ("process exited with code 137", error),
            ("process exited with code 0", plain),
            ("exit status 1", error),
            ("request timed out", error),
            ("0 errors, 3 warnings", plain),
            ("finished without errors", plain),
            ("failed=0 ok=12", plain),
            ("errors: 0", plain),
            ("err=nil done", plain),
            ("failed:", error),
            ("GET /errors/failed HTTP/1.1\" 200 12", plain),
            ("10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] \"GET /x HTTP/1.1\" 503 12", error),
            ("10.0.0.1 - - [02/Jan/2026:15:04:05 +0000] \"GET /x HTTP/1.1\" 200 503", plain),
            ("\u{fffd}\0error\0", error),
        ] {
            words.read(line.as_bytes());
            assert_eq!(words.level, expected, "{line}");
        }
    }

    #[test]
    fn every_word_is_found_again() {
        let words: usize = WORDS.iter().map(|(_, words)| words.len()).sum();
        assert!(words < SLOTS / 2, "{words}");
    }
}
