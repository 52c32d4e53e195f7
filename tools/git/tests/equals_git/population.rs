//! Work trees and what people do to them, by a seed.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use crate::support::git;

/// Numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    pub fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    pub fn line(&mut self) -> String {
        let words = ["fn", "let", "return", "größe", "naïve", "值", "end", "begin", "if", "else", "}", "{", "    x"];
        let start = self.one_of(&["", "    ", "\t", "fn ", "}"]);
        let number = self.below(100_000);
        format!("{start}{} {number} {}", self.one_of(&words), self.one_of(&words))
    }

    pub fn text(&mut self, lines: usize) -> Vec<String> {
        (0..lines).map(|_| self.line()).collect()
    }
}

fn joined(lines: &[String], random: &mut Random) -> Vec<u8> {
    let end = if random.below(4) == 0 { "\r\n" } else { "\n" };
    let mut text = lines.join(end);
    if !lines.is_empty() && random.below(5) != 0 {
        text.push_str(end);
    }
    text.into_bytes()
}

pub fn name(random: &mut Random) -> String {
    let directory = random.one_of(&["", "src/", "src/deep/er/", "with space/", "ünï/", "tests/"]);
    let stem = random.one_of(&["main", "lib", "straße", "a b", "quo\"te", "back\\slash", "Makefile", "日本"]);
    format!("{directory}{stem}{}.{}", random.below(1_000), random.one_of(&["rs", "py", "md", "txt", "json", "bin"]))
}

/// Tracked files that are there, those whose name is UTF-8.
pub fn files(root: &Path) -> Vec<String> {
    let listed = git(root, &["-c", "core.quotePath=false", "ls-files", "-z"]);
    listed
        .split(|byte| *byte == 0)
        .filter_map(|name| str::from_utf8(name).ok())
        .filter(|name| root.join(name).symlink_metadata().is_ok_and(|there| !there.is_dir()))
        .map(str::to_owned)
        .collect()
}

pub fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&path);
    fs::write(path, content).unwrap();
}

pub fn add(root: &Path, random: &mut Random) {
    let name = name(random);
    let content = match random.below(10) {
        0 => (0..random.below(400) + 10).map(|_| random.below(256) as u8).chain([0]).collect(),
        1 => Vec::new(),
        2 => {
            let path = root.join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&path);
            symlink(format!("target{}", random.below(9)), path).unwrap();
            return;
        }
        _ => {
            let lines = random.below(120) + 1;
            joined(&random.text(lines), random)
        }
    };
    write(root, &name, &content);
}

pub fn edit(root: &Path, random: &mut Random) {
    edit_one_of(root, random, &files(root));
}

/// Something happens to one of `files`.
pub fn edit_one_of(root: &Path, random: &mut Random, files: &[String]) {
    if files.is_empty() {
        return add(root, random);
    }
    let name = &files[random.below(files.len())];
    let path = root.join(name);
    if path.is_symlink() {
        fs::remove_file(&path).unwrap();
        if random.below(2) == 0 {
            symlink("elsewhere", path).unwrap();
        } else {
            fs::write(path, "now a file\n").unwrap();
        }
        return;
    }
    match random.below(8) {
        0 => fs::remove_file(path).unwrap(),
        1 => {
            let mode = if fs::metadata(&path).unwrap().permissions().mode() & 0o100 == 0 { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        2 | 3 => {
            let to = format!("moved{}/{}", random.below(3), self::name(random));
            fs::create_dir_all(root.join(&to).parent().unwrap()).unwrap();
            let content = fs::read(&path).unwrap();
            fs::rename(&path, root.join(&to)).unwrap();
            // An edit of a long file keeps it well above the threshold.
            if content.len() > 1_000 && !content.contains(&0) && random.below(2) == 0 {
                fs::write(root.join(&to), [b"a new first line\n", content.as_slice()].concat()).unwrap();
            }
        }
        _ => {
            let content = fs::read(&path).unwrap();
            if content.contains(&0) {
                fs::write(path, [content.as_slice(), b"\x00more"].concat()).unwrap();
                return;
            }
            let text = String::from_utf8(content).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for _ in 0..random.below(6) + 1 {
                let at = random.below(lines.len() + 1);
                match random.below(3) {
                    0 => lines.insert(at, random.line()),
                    1 if at < lines.len() => drop(lines.remove(at)),
                    _ if at < lines.len() => lines[at] = random.line(),
                    _ => {}
                }
            }
            let joined = joined(&lines, random);
            fs::write(path, joined).unwrap();
        }
    }
}
