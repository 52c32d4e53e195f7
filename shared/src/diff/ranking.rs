//! Which files of a change a reader wants to see first, and which he does not want to read at all.

/// How much a file matters to somebody who reads a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Source code, and whatever is nothing else.
    Source,
    /// Tests, configuration, documentation.
    Support,
    /// Made by a program or by others; the word says which.
    Noise(&'static str),
}

const LOCKS: &[&str] = &[
    "bun.lock",
    "bun.lockb",
    "cargo.lock",
    "composer.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pdm.lock",
    "pipfile.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "uv.lock",
    "yarn.lock",
    ".terraform.lock.hcl",
    "chart.lock",
    "deno.lock",
    "module.bazel.lock",
    "cartfile.resolved",
    "buf.lock",
    "conan.lock",
    "pixi.lock",
];

const VENDORED: &[&str] = &[
    "vendor",
    "node_modules",
    "third_party",
    "third-party",
    "thirdparty",
    "bower_components",
    "pods",
    ".yarn",
    "site-packages",
];

const MINIFIED: &[&str] =
    &[".min.js", ".min.css", ".min.mjs", ".bundle.js", ".chunk.js", ".js.map", ".css.map", ".mjs.map"];

const GENERATED: &[&str] = &[
    ".pb.go",
    ".pb.gw.go",
    ".pb.cc",
    ".pb.h",
    "_pb2.py",
    "_pb2.pyi",
    "_pb2_grpc.py",
    "_pb.js",
    "_pb.d.ts",
    "_grpc_pb.js",
    ".g.dart",
    ".freezed.dart",
    ".g.cs",
    ".designer.cs",
    "_generated.go",
    "_gen.go",
    "_string.go",
    ".generated.ts",
    ".generated.js",
    ".generated.go",
    ".generated.rs",
    ".snap",
];

const TEST_DIRECTORIES: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "testdata",
    "fixtures",
    "__fixtures__",
    "__snapshots__",
    "e2e",
    "benches",
    "examples",
    "docs",
    "doc",
    ".github",
    ".ci",
];

const SUPPORT: &[&str] = &[
    "md",
    "mdx",
    "rst",
    "adoc",
    "txt",
    "json",
    "json5",
    "jsonc",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "xml",
    "csv",
    "tsv",
    "editorconfig",
    "gitignore",
    "gitattributes",
    "dockerignore",
    "env",
    "lock",
    "svg",
    "ipynb",
    "po",
];

/// The rank of the file at `path`.
pub fn rank(path: &[u8]) -> Rank {
    let path = String::from_utf8_lossy(path).to_lowercase();
    let (directories, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let inside = |names: &[&str]| directories.split('/').any(|directory| names.contains(&directory));
    if LOCKS.contains(&name) {
        return Rank::Noise("lock file");
    }
    if inside(VENDORED) {
        return Rank::Noise("vendored");
    }
    if ends(MINIFIED) {
        return Rank::Noise("minified");
    }
    if ends(GENERATED) || name.starts_with("zz_generated") {
        return Rank::Noise("generated");
    }
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let tests = ["test_", "_test", ".test", ".spec", "_spec"];
    if inside(TEST_DIRECTORIES)
        || SUPPORT.contains(&extension)
        || tests.iter().any(|mark| if mark.ends_with('_') { stem.starts_with(mark) } else { stem.ends_with(mark) })
        || stem == "tests"
    {
        return Rank::Support;
    }
    Rank::Source
}

/// Whether `paths` of a caller ask for the file at `path`, which is `noise`, by name: the file itself, or a directory that is noise too.
pub fn named(paths: &[String], path: &[u8]) -> bool {
    paths.iter().any(|wanted| {
        let wanted = wanted.as_bytes();
        wanted == path
            || (path.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(b"/"))
                && matches!(rank(&[wanted, b"/x"].concat()), Rank::Noise(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ranked_by_what_they_are() {
        for (path, expected) in [
            ("src/main.rs", Rank::Source),
            ("Makefile", Rank::Source),
            ("src/contest.c", Rank::Source),
            ("src/vendor.rs", Rank::Source),
            ("tests/all.rs", Rank::Support),
            ("src/app.test.ts", Rank::Support),
            ("test_app.py", Rank::Support),
            ("README.md", Rank::Support),
            ("package.json", Rank::Support),
            ("Cargo.lock", Rank::Noise("lock file")),
            ("web/package-lock.json", Rank::Noise("lock file")),
            ("go/vendor/a/b.go", Rank::Noise("vendored")),
            ("static/app.min.js", Rank::Noise("minified")),
            ("api/v1/x.pb.go", Rank::Noise("generated")),
            ("api/zz_generated.deepcopy.go", Rank::Noise("generated")),
        ] {
            assert_eq!(rank(path.as_bytes()), expected, "{path}");
        }
        assert!(Rank::Source < Rank::Support && Rank::Support < Rank::Noise("x"));
    }

    #[test]
    fn noise_is_unfolded_only_when_it_is_meant() {
        let named = |wanted: &str, path: &str| named(&[wanted.to_owned()], path.as_bytes());
        assert!(named("Cargo.lock", "Cargo.lock"));
        assert!(named("vendor/lib", "vendor/lib/a.go"));
        assert!(named("vendor", "vendor/lib/a.go"));
        assert!(!named("web", "web/package-lock.json"));
        assert!(!named("vend", "vendor/lib/a.go"));
    }
}
