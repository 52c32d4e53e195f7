//! Just enough of GraphQL to read a query: operations, variables, selections, fragments.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A piece of a query.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Mark(char),
    Spread,
}

/// What is asked of an object.
#[derive(Clone, Debug)]
pub(super) enum Selection {
    Field(Field),
    /// Fields for an object of this type, or of any.
    On(Option<String>, Vec<Selection>),
    Fragment(String),
}

/// A field that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// What the answer calls it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) inner: Vec<Selection>,
}

/// A query that is understood.
pub(super) struct Query {
    pub(super) selections: Vec<Selection>,
    pub(super) fragments: BTreeMap<String, (String, Vec<Selection>)>,
}

impl Query {
    /// The operation called `name` (or the only one) of `text`, with its variables put in; or what is wrong with it.
    pub(super) fn parse(text: &str, name: Option<&str>, variables: &Value) -> Result<Self, String> {
        let (mut fragments, mut operations) = (BTreeMap::new(), Vec::new());
        let mut reader = Reader { tokens: tokens(text)?, at: 0, variables: Map::new() };
        while let Some(token) = reader.peek().cloned() {
            match token {
                Token::Mark('{') => operations.push((None, reader.selections()?)),
                Token::Word(word) if word == "query" => {
                    reader.at += 1;
                    let called = reader.word().ok();
                    reader.variables = Map::new();
                    // Only what runs has to have its variables.
                    let runs = name.is_none() || called.as_deref() == name;
                    if reader.take('(') {
                        reader.definitions(if runs { variables } else { &Value::Null }, runs)?;
                    }
                    operations.push((called, reader.selections()?));
                }
                Token::Word(word) if word == "fragment" => {
                    reader.at += 1;
                    let (called, _, on) = (reader.word()?, reader.word()?, reader.word()?);
                    let inner = reader.selections()?;
                    fragments.insert(called, (on, inner));
                }
                other => return Err(format!("Parse error on {other:?}")),
            }
        }
        let found = match name {
            Some(name) => operations.into_iter().find(|(known, _)| known.as_deref() == Some(name)),
            None if operations.len() == 1 => operations.pop(),
            None => None,
        };
        let (_, selections) = found.ok_or_else(|| format!("No operation named {name:?}"))?;
        Ok(Self { selections, fragments })
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    variables: Map<String, Value>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("Parse error: the query ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn take(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.take(mark) { Ok(()) } else { Err(format!("Parse error on {:?}, expected {mark:?}", self.peek())) }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.peek().cloned() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word)
            }
            other => Err(format!("Parse error on {other:?}, expected a name")),
        }
    }

    /// `$name: Type! = default` until the closing parenthesis.
    fn definitions(&mut self, given: &Value, strict: bool) -> Result<(), String> {
        while !self.take(')') {
            self.expect('$')?;
            let name = self.word()?;
            self.expect(':')?;
            let mut required = false;
            while let Some(Token::Word(_) | Token::Mark('[' | ']' | '!')) = self.peek() {
                required = self.peek() == Some(&Token::Mark('!'));
                self.at += 1;
            }
            let default = if self.take('=') { self.value()? } else { Value::Null };
            let value = given.get(&name).cloned().unwrap_or(default);
            if required && value.is_null() && strict {
                return Err(format!("Variable ${name} of a required type was provided invalid value"));
            }
            self.variables.insert(name, value);
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value, String> {
        Ok(match self.next()? {
            Token::Text(text) => Value::String(text),
            Token::Number(number) if number.fract() == 0.0 => Value::from(number as i64),
            Token::Number(number) => Value::from(number),
            Token::Word(word) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            },
            Token::Mark('$') => {
                let name = self.word()?;
                self.variables.get(&name).cloned().ok_or(format!("Variable ${name} is used but not declared"))?
            }
            Token::Mark('[') => {
                let mut list = Vec::new();
                while !self.take(']') {
                    list.push(self.value()?);
                }
                Value::Array(list)
            }
            Token::Mark('{') => Value::Object(self.pairs('}')?),
            other => return Err(format!("Parse error on {other:?}, expected a value")),
        })
    }

    fn pairs(&mut self, end: char) -> Result<Map<String, Value>, String> {
        let mut pairs = Map::new();
        while !self.take(end) {
            let name = self.word()?;
            self.expect(':')?;
            pairs.insert(name, self.value()?);
        }
        Ok(pairs)
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.expect('{')?;
        let mut found = Vec::new();
        while !self.take('}') {
            if self.peek() == Some(&Token::Spread) {
                self.at += 1;
                found.push(match self.word().ok() {
                    Some(word) if word == "on" => Selection::On(Some(self.word()?), self.selections()?),
                    Some(word) => Selection::Fragment(word),
                    None => Selection::On(None, self.selections()?),
                });
                continue;
            }
            let first = self.word()?;
            let (key, name) = if self.take(':') { (first, self.word()?) } else { (first.clone(), first) };
            let arguments = if self.take('(') { self.pairs(')')? } else { Map::new() };
            let inner = if self.peek() == Some(&Token::Mark('{')) { self.selections()? } else { Vec::new() };
            found.push(Selection::Field(Field { key, name, arguments, inner }));
        }
        Ok(found)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let length = match first {
            c if c.is_whitespace() || c == ',' => c.len_utf8(),
            '#' => run(|c| c != '\n'),
            '"' => {
                let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                let text = strings.next().and_then(Result::ok).ok_or("Parse error on a string")?;
                found.push(Token::Text(text));
                strings.byte_offset()
            }
            '.' if rest.starts_with("...") => {
                found.push(Token::Spread);
                3
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = run(|c| c.is_ascii_alphanumeric() || c == '_');
                found.push(Token::Word(rest[..length].to_owned()));
                length
            }
            c if c.is_ascii_digit() || c == '-' => {
                let length = run(|c| c.is_ascii_digit() || "-+.eE".contains(c));
                found.push(Token::Number(rest[..length].parse().map_err(|_| "Parse error on a number".to_owned())?));
                length
            }
            c if "{}()[]:$!=@|&".contains(c) => {
                found.push(Token::Mark(c));
                1
            }
            c => return Err(format!("Parse error on {c:?}")),
        };
        rest = &rest[length..];
    }
    Ok(found)
}
