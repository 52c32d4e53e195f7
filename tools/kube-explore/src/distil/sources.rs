//! Which sources a line came from, as a set of small numbers.

/// A set of sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<u64>);

impl Sources {
    /// Adds one.
    pub fn add(&mut self, source: u16) {
        let (word, bit) = (usize::from(source / 64), source % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let bits = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        };
        self.0.iter().enumerate().flat_map(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_there_once() {
        let mut sources = Sources::default();
        for source in [3, 0, 64, 3, 700] {
            sources.add(source);
        }
        assert_eq!(sources.iter().collect::<Vec<_>>(), [0, 3, 64, 700]);
        assert_eq!(Sources::default().iter().count(), 0);
    }
}
