//! Reading a template.

use serde_json::Value;

use super::{Operator, Part, Step};

type Read<T> = Result<T, String>;

/// How deep ranges may stand in one another.
const DEPTH: usize = 16;

/// The parts of a template.
pub(super) fn template(text: &str) -> Read<Vec<Part>> {
    let mut open: Vec<(Vec<Step>, Vec<Part>)> = Vec::new();
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_owned()));
        }
        let (action, after) = action(&rest[at + 1..])?;
        rest = after;
        match action {
            Action::Range(steps) => {
                if open.len() >= DEPTH {
                    return Err(String::from("ranges stand too deep in one another"));
                }
                open.push((steps, std::mem::take(&mut parts)));
            }
            Action::End => {
                let (steps, outer) = open.pop().ok_or("there is an end and no range before it")?;
                let body = std::mem::replace(&mut parts, outer);
                parts.push(Part::Range(steps, body));
            }
            Action::Path(steps) => parts.push(Part::Path(steps)),
        }
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    // kubectl goes on to the end and then prints the rest once more.
    if !open.is_empty() {
        return Err(String::from("a range is not closed with {end}"));
    }
    Ok(parts)
}

enum Action {
    Path(Vec<Step>),
    Range(Vec<Step>),
    End,
}

/// One action up to and with its closing brace, and what follows.
fn action(text: &str) -> Read<(Action, &str)> {
    let mut cursor = Cursor { rest: text };
    let mut word = None;
    let mut steps = Vec::new();
    loop {
        let Some(next) = cursor.peek() else { return Err(String::from("an action is not closed with }")) };
        match next {
            '}' => {
                cursor.skip(1);
                break;
            }
            c if is_word(c) => {
                let name = cursor.word();
                match name {
                    "true" | "false" => steps.push(Step::Constant(Value::Bool(name == "true"))),
                    "range" | "end" if word.is_none() && steps.is_empty() => word = Some(name),
                    _ => {
                        return Err(format!("{name:?} is not a word of it; a path begins with a dot"));
                    }
                }
            }
            _ => cursor.step(&mut steps)?,
        }
    }
    let action = match word {
        Some("range") => Action::Range(steps),
        Some(_) if !steps.is_empty() => return Err(String::from("end takes nothing")),
        Some(_) => Action::End,
        None => Action::Path(steps),
    };
    Ok((action, cursor.rest))
}

/// The steps of a text that is nothing else.
fn steps(text: &str) -> Read<Vec<Step>> {
    match action(&format!("{text}}}"))? {
        (Action::Path(steps), "") => Ok(steps),
        _ => Err(format!("{text:?} is not a path")),
    }
}

struct Cursor<'t> {
    rest: &'t str,
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn ends_word(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    /// Up to the next character that ends a word; a backslash takes the one behind it along.
    fn word(&mut self) -> &'t str {
        let mut escaped = false;
        let end = self.rest.char_indices().find(|(_, c)| {
            let ends = !escaped && ends_word(*c);
            escaped = !escaped && *c == '\\';
            ends
        });
        self.take(end.map_or(self.rest.len(), |(at, _)| at))
    }

    fn step(&mut self, steps: &mut Vec<Step>) -> Read<()> {
        if self.rest.starts_with("[?(") {
            steps.push(self.filter()?);
            return Ok(());
        }
        if self.rest.starts_with("..") {
            if steps.last() == Some(&Step::Descend) {
                return Err(String::from("two .. follow one another"));
            }
            self.skip(2);
            steps.push(Step::Descend);
            if self.peek().is_some_and(|c| is_word(c) || c.is_ascii_digit()) {
                steps.push(self.field());
            }
            return Ok(());
        }
        match self.peek() {
            Some(' ' | '@' | '$') => self.skip(1),
            Some('.') => {
                self.skip(1);
                steps.push(self.field());
            }
            Some('[') => self.bracket(steps)?,
            Some('"' | '\'') => steps.push(Step::Constant(Value::String(self.quoted()?))),
            Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => steps.push(self.number()?),
            Some(c) => return Err(format!("{c:?} has no meaning in an action")),
            None => return Err(String::from("an action is not closed with }")),
        }
        Ok(())
    }

    fn field(&mut self) -> Step {
        match self.word() {
            "*" => Step::Wildcard,
            name => Step::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Read<Step> {
        let sign = usize::from(self.rest.starts_with(['+', '-']));
        let end =
            self.rest[sign..].find(|c: char| c != '.' && !c.is_ascii_digit()).map_or(self.rest.len(), |at| at + sign);
        let text = self.take(end);
        let plain = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = plain.parse::<i64>() {
            return Ok(Step::Constant(number.into()));
        }
        match plain.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Step::Constant(number.into())),
            _ => Err(format!("{text:?} is not a number")),
        }
    }

    /// A text in quotation marks of either kind, with Go's escapes.
    fn quoted(&mut self) -> Read<String> {
        let mut chars = self.rest.char_indices();
        let quote = chars.next().map_or('"', |(_, c)| c);
        let mut text = String::new();
        let unclosed = || String::from("a quoted text is not closed");
        loop {
            match chars.next().ok_or_else(unclosed)? {
                (at, c) if c == quote => {
                    self.skip(at + c.len_utf8());
                    return Ok(text);
                }
                (_, '\n') => return Err(unclosed()),
                (_, '\\') => {
                    let (_, escape) = chars.next().ok_or_else(unclosed)?;
                    let digits = match escape {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    if digits > 0 {
                        let code: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                        let c = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                        text.push(c.ok_or_else(|| format!("\\{escape}{code} is not a character"))?);
                        continue;
                    }
                    text.push(match escape {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'a' => '\u{7}',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'v' => '\u{b}',
                        '\\' => '\\',
                        c if c == quote => c,
                        c => return Err(format!("\\{c} is not an escape")),
                    });
                }
                (_, c) => text.push(c),
            }
        }
    }

    fn bracket(&mut self, steps: &mut Vec<Step>) -> Read<()> {
        let end = self.rest.find([']', '\n']).filter(|at| self.rest[*at..].starts_with(']'));
        let end = end.ok_or("a bracket is not closed with ]")?;
        let inner = &self.take(end + 1)[1..end];
        if inner.contains(',') {
            let parts = inner.split(',').map(|part| self::steps(&format!("[{}]", part.trim_matches(' '))));
            steps.push(Step::Union(parts.collect::<Read<_>>()?));
            return Ok(());
        }
        let key = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).filter(|key| !key.contains('\''));
        if let Some(key) = key {
            steps.push(Step::Key(key.replace('\\', ""), self::steps(&format!(".{key}"))?));
            return Ok(());
        }
        steps.push(slice(inner)?);
        Ok(())
    }

    fn filter(&mut self) -> Read<Step> {
        self.skip(3);
        let mut quote = None;
        let mut before = ' ';
        let mut end = None;
        for (at, c) in self.rest.char_indices() {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open && before != '\\' => quote = None,
                (None, ')') => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
            before = c;
        }
        let end = end.ok_or("a filter is not closed with )]")?;
        let inner = self.take(end);
        if !self.rest.starts_with(")]") {
            return Err(String::from("a filter is not closed with )]"));
        }
        self.skip(2);
        let is_operator = |c: char| matches!(c, '!' | '<' | '>' | '=');
        let Some(at) = inner.find(is_operator).filter(|at| *at > 0) else {
            return Ok(Step::Filter(steps(inner)?, None));
        };
        let length = inner[at..].find(|c| !is_operator(c)).unwrap_or(inner.len() - at);
        let operator = match &inner[at..at + length] {
            "<" => Operator::Less,
            ">" => Operator::Greater,
            "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            "<=" => Operator::LessEqual,
            ">=" => Operator::GreaterEqual,
            other => return Err(format!("{other:?} does not compare")),
        };
        let right = steps(&inner[at + length..])?;
        if right.is_empty() {
            return Err(String::from("a comparison has nothing on its right"));
        }
        Ok(Step::Filter(steps(&inner[..at])?, Some((operator, right))))
    }
}

/// `*`, `3`, `-1`, `1:4`, `::2`
fn slice(inner: &str) -> Read<Step> {
    let wrong = || format!("[{inner}] is neither an index, a slice, a 'key' nor a filter");
    if inner == "*" {
        return Ok(Step::Slice { from: None, to: None, step: None, index: false });
    }
    let number = |text: &str| match text {
        "" => Ok(None),
        text if text.starts_with('+') => Err(wrong()),
        text => text.parse::<i64>().map(Some).map_err(|_| wrong()),
    };
    let mut parts = inner.split(':');
    let from = number(parts.next().unwrap_or_default())?;
    let (to, step) = (parts.next(), parts.next());
    if parts.next().is_some() || inner.is_empty() {
        return Err(wrong());
    }
    let index = to.is_none();
    let to = to.map_or(Ok(None), number)?;
    let step = step.map_or(Ok(None), number)?;
    Ok(Step::Slice { from, to, step, index })
}
