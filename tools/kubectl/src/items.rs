//! The objects in kubectl's JSON, one at a time.
//!
//! kubectl prints a List indented by four spaces, an object's braces standing alone at a known depth; no string can hold a line break, so
//! that lines say where an object begins and ends. One object is held at a time, however many there are.

use serde_json::Value;
use shared::{Code, Result, ToolError, exec::Line, kubernetes::mask};

/// The longest line: a value of an object.
pub const LINE_MAX: usize = 4 << 20;
/// The most bytes of one object's JSON. The API server takes 1.5 MB, escaped twice as much, indented once more.
const OBJECT_MAX: usize = 16 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    Between,
    Inside,
    Tail,
}

/// Takes kubectl's JSON in line by line and hands on each object, masked.
pub struct Items<F> {
    at: At,
    text: Vec<u8>,
    list: bool,
    single: bool,
    deep: u64,
    wrong: Option<ToolError>,
    take: F,
}

/// What there was, when kubectl ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// It was one object and no list.
    pub single: bool,
    /// Objects that are nested too deep to be read; they were not handed on.
    pub deep: u64,
}

impl<F: FnMut(Value)> Items<F> {
    /// Hands each object to `take`.
    pub fn new(take: F) -> Self {
        Self { at: At::Head, text: Vec::new(), list: false, single: false, deep: 0, wrong: None, take }
    }

    /// Takes a line.
    pub fn line(&mut self, line: Line<'_>) {
        if self.wrong.is_some() {
            return;
        }
        if line.omitted > 0 || self.text.len() + line.bytes.len() > OBJECT_MAX {
            let large = ToolError::new(Code::TooLarge, "an object is larger than this server reads");
            self.wrong = Some(large.hint("ask for it with output wide or name, or with kubectl_describe"));
            return;
        }
        match (self.at, line.bytes) {
            (At::Head, b"    \"items\": [") => self.at = At::Between,
            (At::Head, b"    \"items\": [],") => self.at = At::Tail,
            (At::Head, b"}") => {
                self.text.extend_from_slice(line.bytes);
                self.single = true;
                self.object();
            }
            (At::Between, b"        {") => {
                self.text.clear();
                self.text.push(b'{');
                self.at = At::Inside;
            }
            (At::Between, b"    ],") => {
                self.text.clear();
                self.at = At::Tail;
            }
            (At::Inside, b"        }" | b"        },") => {
                self.text.push(b'}');
                self.object();
                self.at = At::Between;
            }
            (At::Tail, b"    \"kind\": \"List\"," | b"    \"kind\": \"List\"") => self.list = true,
            (At::Head | At::Inside, bytes) => {
                self.text.extend_from_slice(bytes);
                self.text.push(b'\n');
            }
            (At::Between | At::Tail, _) => {}
        }
    }

    fn object(&mut self) {
        match serde_json::from_slice(&self.text) {
            Ok(mut value) => {
                mask::clean(&mut value);
                (self.take)(value);
            }
            // Custom resources may be nested as deep as somebody likes.
            Err(error) if error.to_string().starts_with("recursion limit") => self.deep += 1,
            Err(error) => {
                self.wrong = Some(ToolError::internal(format!("kubectl's JSON is not understood: {error}")));
            }
        }
        self.text.clear();
    }

    /// What there was. To be asked when kubectl ended well.
    pub fn finish(self) -> Result<End> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if !self.single && !self.list {
            return Err(ToolError::new(Code::Unsupported, "kubectl's JSON is neither an object nor a List")
                .hint("ask for output wide"));
        }
        if self.single && self.deep > 0 {
            return Err(ToolError::new(Code::Unsupported, "the object is nested too deep to be read here")
                .hint("ask for it with output wide or name, or with kubectl_describe"));
        }
        Ok(End { single: self.single, deep: self.deep })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Value>, Result<End>) {
        let mut seen = Vec::new();
        let mut items = Items::new(|value| seen.push(value));
        for line in text.lines() {
            items.line(Line { bytes: line.as_bytes(), omitted: 0 });
        }
        let end = items.finish();
        (seen, end)
    }

    fn pretty(value: &Value) -> String {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut out, formatter)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_and_objects_are_told_apart() {
        let pod =
            serde_json::json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"items": [{}, {"x": "        }"}]}});
        let list = serde_json::json!({"apiVersion": "v1", "items": [pod.clone(), pod.clone()], "kind": "List"});
        let (seen, single) = read(&pretty(&list));
        assert_eq!((seen.len(), single.unwrap().single), (2, false));
        assert_eq!(seen[1], pod);
        let (seen, single) = read(&pretty(&pod));
        assert_eq!((seen, single.unwrap().single), (vec![pod.clone()], true));
        let (seen, single) = read(
            "{\n    \"apiVersion\": \"v1\",\n    \"items\": [],\n    \"kind\": \"List\",\n    \"metadata\": {}\n}",
        );
        assert_eq!((seen.len(), single.unwrap().single), (0, false));
    }

    #[test]
    fn an_object_nested_too_deep_hides_no_other() {
        let deep = (0..200).fold(serde_json::json!(1), |inner, _| serde_json::json!({ "a": inner }));
        let pod = serde_json::json!({"kind": "Pod"});
        let list = serde_json::json!({"apiVersion": "v1", "items": [deep, pod], "kind": "List"});
        let (seen, end) = read(&pretty(&list));
        assert_eq!((seen, end.unwrap()), (vec![pod], End { single: false, deep: 1 }));
        assert_eq!(read(&pretty(&deep)).1.unwrap_err().code(), Code::Unsupported);
    }

    #[test]
    fn an_object_that_is_too_large_is_said_and_not_held() {
        let mut items = Items::new(|_| {});
        let line = vec![b'x'; LINE_MAX];
        for _ in 0..8 {
            items.line(Line { bytes: &line, omitted: 0 });
        }
        assert!(items.text.len() <= OBJECT_MAX);
        assert_eq!(items.finish().unwrap_err().code(), Code::TooLarge);
        // A value that was cut is not taken for a whole one.
        let mut items = Items::new(|_| {});
        for (bytes, omitted) in [(&b"{"[..], 0), (b"    \"a\": \"xx\"", 7), (b"}", 0)] {
            items.line(Line { bytes, omitted });
        }
        assert_eq!(items.finish().unwrap_err().code(), Code::TooLarge);
    }

    #[test]
    fn what_is_handed_on_is_masked() {
        let secret = serde_json::json!({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}});
        let list = serde_json::json!({"apiVersion": "v1", "items": [secret.clone()], "kind": "List"});
        for text in [pretty(&secret), pretty(&list)] {
            assert_eq!(read(&text).0[0]["data"]["a"], "[masked: 7 bytes]");
        }
    }

    #[test]
    fn half_an_answer_is_an_error() {
        assert!(read("").1.is_err());
        assert!(read("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n").1.is_err());
    }

    #[test]
    fn an_object_with_items_of_its_own_is_no_list() {
        let odd = serde_json::json!({"apiVersion": "v1", "items": [{"a": 1}], "kind": "Basket"});
        assert_eq!(read(&pretty(&odd)).1.unwrap_err().code(), Code::Unsupported);
    }
}
