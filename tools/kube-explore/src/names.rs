//! Which namespace each object of a long list is in, in the list's order.
//!
//! A table without objects is the cheapest way to see ten thousand pods, and it does not say which namespace a row is of; with objects it costs
//! the API server ten times as much. Their metadata in protobuf costs as little as the table. So a long list is read twice, the second time at a
//! revision that is not older than the first, and the names are compared row by row: where all of them and their number are the same, so is the
//! order, and otherwise both are read again.
//!
//! Of protobuf, no more is read than fields and their lengths: the envelope (`runtime.Unknown`), the list in it, its revision, and of each item
//! name and namespace (`k8s.io/apimachinery/pkg/{runtime,apis/meta/v1}/generated.proto`).

use std::hash::{BuildHasher as _, RandomState};

use shared::Code;

use crate::failure::Failure;

/// What a document in protobuf begins with.
const MAGIC: &[u8] = b"k8s\0";
/// The largest item: an object's metadata can be 1.5 MB.
const ITEM_MAX: usize = 4 << 20;
/// The most objects, twice what a cluster is built for: each has its place in memory.
const OBJECTS_MAX: usize = 300_000;
/// The fields that are looked at.
mod field {
    pub const ENVELOPE_RAW: u64 = 2;
    pub const LIST_METADATA: u64 = 1;
    pub const LIST_ITEMS: u64 = 2;
    pub const LIST_REVISION: u64 = 2;
    pub const OBJECT_METADATA: u64 = 1;
    pub const NAME: u64 = 1;
    pub const NAMESPACE: u64 = 3;
}

/// Where in the document the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Magic,
    Envelope,
    List,
    /// So many bytes of something nobody looks at.
    Skip(u64),
}

/// The names of a list.
#[derive(Debug)]
pub struct Names {
    at: At,
    buffer: Vec<u8>,
    revision: String,
    namespaces: Vec<String>,
    /// Of each object its namespace, and a hash of its name.
    objects: Vec<(u32, u64)>,
    hasher: RandomState,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            at: At::Magic,
            buffer: Vec::new(),
            revision: String::new(),
            namespaces: Vec::new(),
            objects: Vec::new(),
            hasher: RandomState::new(),
        }
    }
}

impl Names {
    /// Takes bytes as they arrive.
    ///
    /// # Errors
    /// What is no such document.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.buffer.extend_from_slice(bytes);
        let mut taken = 0;
        while let Some(step) = self.step(taken)? {
            taken += step;
        }
        self.buffer.drain(..taken);
        if self.buffer.len() > 2 * ITEM_MAX || self.objects.len() > OBJECTS_MAX {
            return Err(Failure::endless());
        }
        Ok(())
    }

    /// Takes one thing whose bytes are all there; how many those were.
    fn step(&mut self, from: usize) -> Result<Option<usize>, Failure> {
        let Some(rest) = self.buffer.get(from..).filter(|rest| !rest.is_empty()) else { return Ok(None) };
        match self.at {
            At::Magic => {
                let Some(magic) = rest.get(..MAGIC.len()) else { return Ok(None) };
                if magic != MAGIC {
                    return Err(odd());
                }
                self.at = At::Envelope;
                Ok(Some(MAGIC.len()))
            }
            At::Skip(left) => {
                let step = (rest.len() as u64).min(left);
                self.at = if step == left { At::List } else { At::Skip(left - step) };
                Ok(Some(usize::try_from(step).unwrap_or(rest.len())))
            }
            At::Envelope | At::List => {
                let Some((number, wire, head)) = key(rest)? else { return Ok(None) };
                if wire != 2 {
                    return plain(rest, wire, head);
                }
                let Some((length, bytes)) = varint(rest.get(head..).unwrap_or_default())? else { return Ok(None) };
                let head = head + bytes;
                if self.at == At::Envelope && number == field::ENVELOPE_RAW {
                    // Its end is the end of what matters.
                    self.at = At::List;
                    return Ok(Some(head));
                }
                let wanted = self.at == At::List && matches!(number, field::LIST_METADATA | field::LIST_ITEMS);
                if !wanted {
                    if self.at == At::List {
                        self.at = At::Skip(length);
                        return Ok(Some(head));
                    }
                    let length = usize::try_from(length).map_err(|_| odd())?;
                    return Ok(rest.get(..head.saturating_add(length)).map(<[u8]>::len));
                }
                let length = usize::try_from(length).ok().filter(|length| *length <= ITEM_MAX).ok_or_else(odd)?;
                let Some(body) = rest.get(head..head + length) else { return Ok(None) };
                if number == field::LIST_METADATA {
                    self.revision = text(message(body, field::LIST_REVISION)?)?.to_owned();
                } else {
                    let metadata = message(body, field::OBJECT_METADATA)?;
                    let (name, namespace) =
                        (message(metadata, field::NAME)?, text(message(metadata, field::NAMESPACE)?)?);
                    let object = (namespaces(&mut self.namespaces, namespace), self.hasher.hash_one(name));
                    self.objects.push(object);
                }
                Ok(Some(head + length))
            }
        }
    }

    /// The revision of the list.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The namespace of the object `at` a place, if `name` is its name.
    pub fn namespace(&self, at: usize, name: &str) -> Option<&str> {
        let (namespace, known) = self.objects.get(at)?;
        let same = self.hasher.hash_one(name.as_bytes()) == *known;
        self.namespaces.get(*namespace as usize).filter(|_| same).map(String::as_str)
    }
}

/// The number of a namespace. Lists are in the order of namespaces: it is the last one, or new.
fn namespaces(known: &mut Vec<String>, namespace: &str) -> u32 {
    if known.last().is_none_or(|last| last != namespace) {
        known.push(namespace.to_owned());
    }
    u32::try_from(known.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

fn odd() -> Failure {
    Failure::new(Code::Unsupported, "its API server's protobuf is not understood")
}

fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| odd())
}

/// A number and how many bytes it takes; nothing where it is not all there.
fn varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, Failure> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok(Some((value, at + 1)));
        }
    }
    if bytes.len() >= 10 { Err(odd()) } else { Ok(None) }
}

/// The number of a field, its wire type, and how many bytes these take.
fn key(bytes: &[u8]) -> Result<Option<(u64, u64, usize)>, Failure> {
    Ok(varint(bytes)?.map(|(key, taken)| (key >> 3, key & 7, taken)))
}

/// How many bytes a field takes that is no message and no text.
fn plain(bytes: &[u8], wire: u64, head: usize) -> Result<Option<usize>, Failure> {
    let rest = bytes.get(head..).unwrap_or_default();
    let length = match wire {
        0 => match varint(rest)? {
            Some((_, taken)) => taken,
            None => return Ok(None),
        },
        1 => 8,
        5 => 4,
        _ => return Err(odd()),
    };
    Ok((rest.len() >= length).then_some(head + length))
}

/// The first field `number` of a message, which is a message or a text; nothing in it where there is none.
fn message(mut bytes: &[u8], number: u64) -> Result<&[u8], Failure> {
    while !bytes.is_empty() {
        let (field, wire, head) = key(bytes)?.ok_or_else(odd)?;
        if wire != 2 {
            let taken = plain(bytes, wire, head)?.ok_or_else(odd)?;
            bytes = bytes.get(taken..).unwrap_or_default();
            continue;
        }
        let rest = bytes.get(head..).unwrap_or_default();
        let (length, taken) = varint(rest)?.ok_or_else(odd)?;
        let length = usize::try_from(length).map_err(|_| odd())?;
        let rest = rest.get(taken..).unwrap_or_default();
        let body = rest.get(..length).ok_or_else(odd)?;
        if field == number {
            return Ok(body);
        }
        bytes = rest.get(length..).unwrap_or_default();
    }
    Ok(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        out
    }

    fn field(number_of: u64, body: &[u8]) -> Vec<u8> {
        [number(number_of << 3 | 2), number(body.len() as u64), body.to_vec()].concat()
    }

    fn item(namespace: &str, name: &str) -> Vec<u8> {
        let metadata = [
            field(1, name.as_bytes()),
            field(3, namespace.as_bytes()),
            // A generation, and something newer than this reader.
            [number(7 << 3), number(300)].concat(),
            [number(30 << 3 | 1), vec![0; 8]].concat(),
            field(17, &vec![b'x'; 500]),
        ]
        .concat();
        field(2, &field(1, &metadata))
    }

    #[test]
    fn a_list_without_an_end_ends() {
        let mut names = Names::default();
        let start = [MAGIC.to_vec(), number(2 << 3 | 2), number(1 << 40)].concat();
        names.push(&start).unwrap();
        let items = item("shop", "web").repeat(10_000);
        let pushed = (0..100).map(|_| names.push(&items)).take_while(Result::is_ok).count();
        assert_eq!(pushed, OBJECTS_MAX / 10_000);
    }

    fn document(items: &[(&str, &str)]) -> Vec<u8> {
        let mut list = field(1, &field(2, b"4711"));
        list.extend(field(9, &[0; 300]));
        list.extend(items.iter().flat_map(|(namespace, name)| item(namespace, name)));
        let envelope = [field(1, &field(1, b"meta.k8s.io/v1")), field(2, &list), field(4, b"")].concat();
        [MAGIC.to_vec(), envelope].concat()
    }

    #[test]
    fn names_come_out_however_the_bytes_arrive() {
        let document = document(&[("a", "web"), ("a", "x"), ("b", "web")]);
        for step in [1, 3, 64, 10_000] {
            let mut names = Names::default();
            document.chunks(step).try_for_each(|chunk| names.push(chunk)).unwrap();
            assert_eq!((names.revision(), names.len()), ("4711", 3));
            assert_eq!(names.namespace(0, "web"), Some("a"));
            assert_eq!(names.namespace(2, "web"), Some("b"));
            // Another object than expected is never given a namespace.
            assert_eq!(names.namespace(1, "web"), None);
            assert_eq!(names.namespace(3, "web"), None);
        }
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        for bytes in
            [&b"{\"kind\":\"Status\"}"[..], b"k8s\0\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"k8s\0\x0b"]
        {
            assert!(Names::default().push(bytes).is_err(), "{bytes:?}");
        }
        // Cut anywhere, and with any byte changed, it ends without a panic.
        let document = document(&[("a", "web"), ("b", "y")]);
        for at in 0..document.len() {
            let _ = Names::default().push(&document[..at]);
            let mut odd = document.clone();
            odd[at] ^= 0xff;
            let _ = Names::default().push(&odd);
        }
    }

    #[test]
    fn an_item_that_never_ends_is_refused() {
        let mut start = [MAGIC.to_vec(), number(2 << 3 | 2), number(1 << 40), number(2 << 3 | 2)].concat();
        start.extend(number(1 << 30));
        assert!(Names::default().push(&start).is_err());
    }
}
