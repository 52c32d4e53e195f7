//! A strict reader of git configuration files.
//!
//! It accepts only what it reads exactly as libgit2 does and has no answer for the rest, so that no setting can hide in a
//! spelling two readers understand differently. What it accepted is compared with what libgit2 read after opening.

/// One setting. The name is `section.key` or `section.subsection.key`; section and key are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// Section name without its subsection, in lower case.
    pub section: Vec<u8>,
    /// The whole name as libgit2 reports it.
    pub name: Vec<u8>,
    /// The last part of the name, in lower case.
    pub key: String,
    /// `None` for a name without `=`.
    pub value: Option<Vec<u8>>,
    /// Counted from 1.
    pub line: usize,
}

/// The number, from 1, of the first line that cannot be read with certainty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear(pub usize);

/// Reads a whole file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Unclear> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut entries = Vec::new();
    let mut section: Option<(Vec<u8>, Vec<u8>)> = None;
    let mut lines = bytes.split(|b| *b == b'\n').enumerate();
    while let Some((index, raw)) = lines.next() {
        let number = index + 1;
        let line = clean(raw).ok_or(Unclear(number))?;
        let text = trim_start(line);
        match text.first() {
            None | Some(b'#' | b';') => {}
            Some(b'[') => section = Some(header(text).ok_or(Unclear(number))?),
            Some(_) => {
                let (base, prefix) = section.as_ref().ok_or(Unclear(number))?;
                let (key, rest) = key_of(text).ok_or(Unclear(number))?;
                let value = match rest {
                    None => None,
                    Some(rest) => {
                        let mut value = Value::default();
                        let mut more = value.take(trim_start(rest)).ok_or(Unclear(number))?;
                        while more {
                            let (at, raw) = lines.next().ok_or(Unclear(number))?;
                            let line = clean(raw).ok_or(Unclear(at + 1))?;
                            // A continuation that is empty or a comment is skipped by one reader and ends the value for the other.
                            if matches!(trim_start(line).first(), None | Some(b'#' | b';')) {
                                return Err(Unclear(at + 1));
                            }
                            more = value.take(line).ok_or(Unclear(at + 1))?;
                        }
                        Some(value.finish().ok_or(Unclear(number))?)
                    }
                };
                let mut name = prefix.clone();
                name.push(b'.');
                name.extend_from_slice(key.as_bytes());
                entries.push(Entry { section: base.clone(), name, key, value, line: number });
            }
        }
    }
    Ok(entries)
}

/// The line without a final carriage return; no answer when it has control characters other than tab.
fn clean(raw: &[u8]) -> Option<&[u8]> {
    let line = raw.strip_suffix(b"\r").unwrap_or(raw);
    (!line.iter().any(|b| b.is_ascii_control() && *b != b'\t')).then_some(line)
}

fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

fn trim_start(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|b| !is_blank(*b)).unwrap_or(line.len());
    line.get(start..).unwrap_or_default()
}

/// `[section]` or `[section "subsection"]`: the section and the name's prefix. Only a comment may follow, and one without
/// the characters by which libgit2 looks for the end of the header.
fn header(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let rest = line.strip_prefix(b"[")?;
    let end = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'-' || *b == b'.'))?;
    let (name, rest) = rest.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    let section = name.to_ascii_lowercase();
    let mut prefix = section.clone();
    let after = if let Some(after) = rest.strip_prefix(b"]") {
        after
    } else {
        let mut bytes = trim_start(rest).strip_prefix(b"\"")?.iter();
        if !is_blank(*rest.first()?) {
            return None;
        }
        prefix.push(b'.');
        loop {
            match bytes.next()? {
                b'"' => break,
                b'\\' => prefix.push(*bytes.next()?),
                b => prefix.push(*b),
            }
        }
        bytes.as_slice().strip_prefix(b"]")?
    };
    let after = trim_start(after);
    let comment = matches!(after.first(), Some(b'#' | b';')) && !after.iter().any(|b| matches!(b, b'"' | b']' | b'['));
    (after.is_empty() || comment).then_some((section, prefix))
}

/// The key in lower case and what stands after `=`.
fn key_of(line: &[u8]) -> Option<(String, Option<&[u8]>)> {
    let end = line.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'-')).unwrap_or(line.len());
    let (key, rest) = line.split_at_checked(end)?;
    if !key.first()?.is_ascii_alphabetic() {
        return None;
    }
    let key = String::from_utf8(key.to_ascii_lowercase()).ok()?;
    let rest = trim_start(rest);
    match rest.strip_prefix(b"=") {
        Some(value) => Some((key, Some(value))),
        None if rest.is_empty() => Some((key, None)),
        None => None,
    }
}

#[derive(Default)]
struct Value {
    bytes: Vec<u8>,
    quoted: bool,
    /// The length up to which nothing may be trimmed.
    solid: usize,
}

impl Value {
    /// Adds a line; whether the value goes on in the next one.
    fn take(&mut self, line: &[u8]) -> Option<bool> {
        let mut rest = line;
        while let Some((b, tail)) = rest.split_first() {
            rest = tail;
            match b {
                b'"' => {
                    self.quoted = !self.quoted;
                    self.solid = self.bytes.len();
                }
                b'#' | b';' if !self.quoted => return Some(false),
                b'\\' => {
                    let Some((escaped, tail)) = rest.split_first() else {
                        self.solid = self.bytes.len();
                        return Some(true);
                    };
                    rest = tail;
                    self.solid_push(match escaped {
                        // libgit2 takes a quote after an escaped backslash for an escaped quote.
                        b'\\' if rest.first() == Some(&b'"') => return None,
                        b'\\' | b'"' => *escaped,
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'b' => 8,
                        _ => return None,
                    });
                }
                b if is_blank(*b) && !self.quoted => self.bytes.push(*b),
                b => self.solid_push(*b),
            }
        }
        Some(false)
    }

    fn solid_push(&mut self, b: u8) {
        self.bytes.push(b);
        self.solid = self.bytes.len();
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        self.bytes.truncate(self.solid);
        (!self.quoted).then_some(self.bytes)
    }
}
