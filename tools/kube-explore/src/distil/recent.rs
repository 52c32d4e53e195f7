//! The last lines of each source, for who wants to read them as they are.

use std::collections::VecDeque;

use shared::output::Budget;

use super::raw;

/// The most bytes of all lines together: more than the largest answer shows.
const KEPT: usize = 2 * Budget::BYTES_MAX;
/// The lines of each source that stay, whatever the others have: the context of its next error.
pub const CONTEXT: usize = 3;

/// A line, or its beginning.
#[derive(Debug, Default)]
pub struct Kept {
    /// What is kept.
    pub bytes: Vec<u8>,
    /// Bytes that are not.
    pub left: u64,
}

impl Kept {
    /// What it takes, to count many short lines, too.
    fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>() / 4
    }
}

/// The last lines of each source.
#[derive(Debug)]
pub struct Recent {
    most: usize,
    sources: Vec<VecDeque<Kept>>,
    /// Of all lines.
    size: usize,
    lost: u64,
    /// The room of the line that went last.
    spare: Vec<u8>,
}

impl Recent {
    /// Of each source the last `most` lines.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(CONTEXT), sources: Vec::new(), size: 0, lost: 0, spare: Vec::new() }
    }

    /// Adds a line of `source`, of which `omitted` bytes are not here.
    pub fn push(&mut self, source: u16, line: &[u8], omitted: u64) {
        let at = usize::from(source);
        if at >= self.sources.len() {
            self.sources.resize_with(at + 1, VecDeque::new);
        }
        let Some(lines) = self.sources.get_mut(at) else { return };
        let (kept, left) = raw::cut(line, raw::SHOWN);
        if lines.len() >= self.most
            && let Some(oldest) = lines.pop_front()
        {
            self.size -= oldest.size();
            self.spare = oldest.bytes;
        }
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        // A long line must not leave its room to short ones.
        if bytes.capacity() > 2 * kept.len() + 64 {
            bytes = Vec::with_capacity(kept.len());
        }
        bytes.extend_from_slice(kept);
        let line = Kept { bytes, left: left + omitted };
        self.size += line.size();
        lines.push_back(line);
        while self.size > KEPT {
            let fullest = self.sources.iter_mut().max_by_key(|lines| lines.len()).filter(|lines| lines.len() > CONTEXT);
            let Some(dropped) = fullest.and_then(VecDeque::pop_front) else { break };
            self.size -= dropped.size();
            self.spare = dropped.bytes;
            self.lost += 1;
        }
    }

    /// The last lines of `source`, the oldest first.
    pub fn of(&self, source: u16) -> impl DoubleEndedIterator<Item = &Kept> + ExactSizeIterator {
        static NONE: VecDeque<Kept> = VecDeque::new();
        self.sources.get(usize::from(source)).unwrap_or(&NONE).iter()
    }

    /// Lines that were dropped for want of room, and not because `most` came after them.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_last_lines() {
        let mut recent = Recent::new(3);
        for n in 0..10_u8 {
            recent.push(u16::from(n % 2), &[b'0' + n], 0);
        }
        let of = |source| recent.of(source).map(|line| line.bytes[0] - b'0').collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(7), recent.lost()), (vec![4, 6, 8], vec![5, 7, 9], vec![], 0));
    }

    #[test]
    fn room_is_bounded_and_context_stays() {
        let mut recent = Recent::new(10_000);
        recent.push(1, b"first of another", 5);
        for size in [0, 5, 3_000, 7] {
            let line = vec![b'x'; size];
            for _ in 0..12_000 {
                recent.push(0, &line, 0);
            }
            let count: usize = recent.sources.iter().map(VecDeque::len).sum();
            assert!(recent.size <= KEPT && count <= 10_001, "{size}");
        }
        assert_eq!(recent.of(1).map(|line| line.left).collect::<Vec<_>>(), [5]);
        assert!(recent.lost() > 0);
    }
}
