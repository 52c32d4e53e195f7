//! The elements of one long array in a JSON object, cut out of it as the bytes arrive.
//!
//! A list of ten thousand objects is never held: each element is handed on as soon as its last byte is there, and what stands around the
//! array is kept as the head. The array is looked for at the top level only, so that no string and no object inside can be taken for it.

/// The most bytes of one element: the API server takes objects of 1.5 MB, escaped up to six times as much.
const ELEMENT_MAX: usize = 12 << 20;
/// The most bytes around the array.
const HEAD_MAX: usize = 1 << 20;

/// The most bytes of a table, whose rows may be kept: some 200,000 pods.
const TABLE_MAX: u64 = 64 << 20;
/// The most bytes of anything else, of which little is kept.
const OBJECTS_MAX: u64 = 512 << 20;

/// What goes wrong with a stream that is no such object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// An element, what is around the array, or all of it is larger than is read.
    TooLarge,
    /// It ended in the middle.
    Short,
}

/// What is done with each element; it is told how far the reading is.
type Take<'t, E> = dyn FnMut(&Elements, &[u8]) -> Result<(), E> + 't;

/// Cuts the elements of one array out of an object.
#[derive(Debug)]
pub struct Elements {
    field: &'static str,
    head: Vec<u8>,
    element: Vec<u8>,
    depth: u32,
    /// The depth at which elements stand, while inside the array.
    inside: Option<u32>,
    string: bool,
    escaped: bool,
    seen: u64,
    /// How many more bytes are read.
    left: u64,
}

impl Elements {
    /// Looks for the array `field`.
    pub fn of(field: &'static str) -> Self {
        Self {
            field,
            left: if field == "rows" { TABLE_MAX } else { OBJECTS_MAX },
            head: Vec::new(),
            element: Vec::new(),
            depth: 0,
            inside: None,
            string: false,
            escaped: false,
            seen: 0,
        }
    }

    /// What came before the array, and after it once it has ended. The array itself is left empty.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The head as an object of its own while the array is being read.
    pub fn head_so_far(&self) -> Vec<u8> {
        [&self.head, &b"]}"[..]].concat()
    }

    /// How many elements there were.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes bytes, and hands each element that they complete to `take`, with the head so far.
    ///
    /// # Errors
    /// [`Broken::TooLarge`], and what `take` fails with.
    pub fn push<E: From<Broken>>(&mut self, bytes: &[u8], take: &mut Take<'_, E>) -> Result<(), E> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Broken::TooLarge)?;
        for &byte in bytes {
            let within = self.inside.is_some_and(|level| self.depth >= level);
            if self.string {
                self.keep(byte, within)?;
                match (self.escaped, byte) {
                    (true, _) => self.escaped = false,
                    (false, b'\\') => self.escaped = true,
                    (false, b'"') => self.string = false,
                    (false, _) => {}
                }
                continue;
            }
            match byte {
                b'"' => {
                    self.string = true;
                    self.keep(byte, within)?;
                }
                b'[' | b'{' => {
                    self.depth = self.depth.saturating_add(1);
                    self.keep(byte, within)?;
                    if byte == b'[' && self.depth == 2 && self.inside.is_none() && self.at_field() {
                        self.inside = Some(2);
                    }
                }
                b']' if self.inside == Some(self.depth) => {
                    self.complete(take)?;
                    self.inside = None;
                    self.depth = self.depth.saturating_sub(1);
                    self.keep(byte, false)?;
                }
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.keep(byte, within)?;
                }
                b',' if self.inside == Some(self.depth) => self.complete(take)?,
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ => self.keep(byte, within)?,
            }
        }
        Ok(())
    }

    /// To be asked when the bytes have ended.
    ///
    /// # Errors
    /// [`Broken::Short`] if the object had not.
    pub fn finish(&self) -> Result<(), Broken> {
        if self.depth == 0 && !self.string && !self.head.is_empty() { Ok(()) } else { Err(Broken::Short) }
    }

    fn keep<E: From<Broken>>(&mut self, byte: u8, within: bool) -> Result<(), E> {
        let (to, most) = if within { (&mut self.element, ELEMENT_MAX) } else { (&mut self.head, HEAD_MAX) };
        if to.len() >= most {
            return Err(Broken::TooLarge.into());
        }
        to.push(byte);
        Ok(())
    }

    fn complete<E: From<Broken>>(&mut self, take: &mut Take<'_, E>) -> Result<(), E> {
        if self.element.is_empty() {
            return Ok(());
        }
        self.seen += 1;
        let element = std::mem::take(&mut self.element);
        let result = take(self, &element);
        self.element = element;
        self.element.clear();
        result
    }

    /// Whether the bracket that has just opened is the array's.
    fn at_field(&self) -> bool {
        let before = self.head.strip_suffix(b"\":[").unwrap_or_default();
        before.strip_suffix(self.field.as_bytes()).is_some_and(|rest| rest.ends_with(b"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, step: usize) -> (Vec<String>, String, Result<(), Broken>) {
        let mut elements = Elements::of("rows");
        let mut seen = Vec::new();
        let mut take = |_: &Elements, element: &[u8]| {
            seen.push(String::from_utf8(element.to_vec()).unwrap());
            Ok::<(), Broken>(())
        };
        let pushed = text.as_bytes().chunks(step).try_for_each(|chunk| elements.push(chunk, &mut take));
        let head = String::from_utf8(elements.head().to_vec()).unwrap();
        (seen, head, pushed.and_then(|()| elements.finish()))
    }

    #[test]
    fn elements_come_out_whole_however_the_bytes_arrive() {
        let text = r#"{"kind": "Table", "note": "\"rows\":[1]", "deep": {"rows":[9]}, "rows": [
            {"cells": ["a,b", "]}", "\"", [1, 2], {"rows": [3]}]}, 5, "x y", null ], "tail": [1, 2]}"#;
        for step in [1, 2, 7, 1000] {
            let (seen, head, end) = cut(text, step);
            assert_eq!(seen, [r#"{"cells":["a,b","]}","\"",[1,2],{"rows":[3]}]}"#, "5", "\"x y\"", "null"], "{step}");
            assert_eq!(head, r#"{"kind":"Table","note":"\"rows\":[1]","deep":{"rows":[9]},"rows":[],"tail":[1,2]}"#);
            assert_eq!(end, Ok(()));
        }
    }

    #[test]
    fn nothing_and_no_array_are_no_elements() {
        for text in [r#"{"rows":[]}"#, r#"{"kind":"Status"}"#, r#"{"rows":null}"#, "[]", "5 ", r#"{"rows":{"a":[1]}}"#]
        {
            let (seen, _, end) = cut(text, 3);
            assert!(seen.is_empty() && end.is_ok(), "{text}: {seen:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_said() {
        for text in ["", r#"{"rows":[{"a":1}"#, r#"{"rows":[{"a":1},"#, r#"{"rows":[1]"#, r#"{"rows":["a"#] {
            assert_eq!(cut(text, 4).2, Err(Broken::Short), "{text}");
        }
    }

    #[test]
    fn a_table_without_an_end_ends() {
        let mut elements = Elements::of("rows");
        let mut take = |_: &Elements, _: &[u8]| Ok::<(), Broken>(());
        elements.push(br#"{"rows":[1"#, &mut take).unwrap();
        let chunk = ",12345".repeat(10_000);
        let pushed = (0..2_000).map(|_| elements.push(chunk.as_bytes(), &mut take)).take_while(Result::is_ok).count();
        assert_eq!(pushed as u64, TABLE_MAX / chunk.len() as u64);
    }

    #[test]
    fn an_endless_element_and_an_endless_head_end() {
        let mut elements = Elements::of("rows");
        let mut take = |_: &Elements, _: &[u8]| Ok::<(), Broken>(());
        elements.push(br#"{"rows":[""#, &mut take).unwrap();
        let chunk = vec![b'x'; 1 << 20];
        let end = (0..20).try_for_each(|_| elements.push(&chunk, &mut take));
        assert_eq!(end, Err(Broken::TooLarge));
        let mut elements = Elements::of("rows");
        elements.push(br#"{"a":""#, &mut take).unwrap();
        assert_eq!((0..20).try_for_each(|_| elements.push(&chunk, &mut take)), Err(Broken::TooLarge));
    }
}
