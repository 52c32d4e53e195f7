//! A few lines in one piece of memory, which is used again.

/// Lines, each with the bytes that were cut off it said.
#[derive(Clone, Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    lines: usize,
}

impl Block {
    /// Adds a line.
    pub fn push(&mut self, line: &[u8], left: u64) {
        // A line cannot hold a newline; what it does hold is cleaned where it is shown.
        self.bytes.extend_from_slice(line);
        if left > 0 {
            self.bytes.extend_from_slice(format!("…(+{left} bytes)").as_bytes());
        }
        self.bytes.push(b'\n');
        self.lines += 1;
    }

    /// Removes all lines.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines = 0;
    }

    /// All lines, each with its end.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    pub fn lines(&self) -> usize {
        self.lines
    }
}
