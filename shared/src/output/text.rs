//! The writer of an answer's text: our own lines, and frames around everybody else's.

use std::fmt;

use super::{Lines, Records};
use crate::untrusted::{Inside, Tag};

/// Text under construction.
pub struct Text<'a> {
    out: String,
    tag: &'a Tag,
    open: bool,
    /// The most bytes one record may take; the fallback for a record that alone is longer than the budget.
    clip: Option<usize>,
    /// Whether a larger budget is a way to see more.
    raise: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(tag: &'a Tag, clip: Option<usize>, raise: bool) -> Self {
        Self { out: String::new(), tag, open: false, clip, raise }
    }

    /// A line of ours. Strangers' names enter it through [`crate::untrusted::Untrusted::quoted`].
    pub fn line(&mut self, line: impl fmt::Display) {
        self.close();
        self.push(&line.to_string());
    }

    /// Text inside a frame: `write` gets the right to show untrusted values as they are. Frames that follow one another are one.
    pub fn framed(&mut self, write: impl FnOnce(Inside<'_>) -> String) {
        let tag = self.tag;
        let written = write(tag.inside());
        if !written.is_empty() {
            self.open();
            self.push_clipped(&written);
        }
    }

    /// The shown items of `records`, one framed row each, then what was left out.
    pub fn records<T>(&mut self, records: &Records<T>, row: impl Fn(&T, Inside<'_>) -> String) {
        for item in records.shown() {
            self.framed(|inside| row(item, inside));
        }
        if let Some(notice) = records.notice(self.raise) {
            self.line(notice);
        }
    }

    /// The shown items of `records` as rows of ours, unframed: for lists without a stranger's word in them.
    pub fn plain_records<T>(&mut self, records: &Records<T>, row: impl Fn(&T) -> String) {
        for item in records.shown() {
            self.line(row(item));
        }
        if let Some(notice) = records.notice(self.raise) {
            self.line(notice);
        }
    }

    /// The shown lines of `lines` in a frame, then what was left out.
    pub fn lines(&mut self, lines: &Lines) {
        for line in lines.shown() {
            self.open();
            self.push_clipped(line);
        }
        if let Some(notice) = lines.notice(self.raise) {
            self.line(notice);
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.close();
        while self.out.ends_with('\n') {
            self.out.pop();
        }
        self.out
    }

    fn open(&mut self) {
        if !self.open {
            self.open = true;
            let line = self.tag.open();
            self.push(&line);
        }
    }

    fn close(&mut self) {
        if self.open {
            self.open = false;
            let line = self.tag.close();
            self.push(&line);
        }
    }

    fn push_clipped(&mut self, text: &str) {
        match self.clip {
            Some(clip) if text.len() > clip => {
                let kept = &text[..text.floor_char_boundary(clip)];
                let how = if self.raise { ", raise budget" } else { "" };
                let note = format!("{kept}…(+{} bytes{how})", text.len() - kept.len());
                self.push(&note);
            }
            _ => self.push(text),
        }
    }

    fn push(&mut self, line: &str) {
        self.out.push_str(line);
        if !line.ends_with('\n') {
            self.out.push('\n');
        }
    }
}
