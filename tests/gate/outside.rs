//! Repositories whose metadata leads out of the workspace. Each is first shown to do so under plain git.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::common::{Lab, SECRET};
use mcp_git::gate;
use shared::Code;

/// Plain git has to show the secret.
#[track_caller]
fn leaks(lab: &Lab, cwd: &Path, args: &[&str]) {
    let out = lab.try_git(cwd, args);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains(SECRET), "plain git does not follow it: {text} {}", String::from_utf8_lossy(&out.stderr));
}

fn append(file: &Path, text: &str) {
    let old = fs::read_to_string(file).unwrap_or_default();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, old + text).unwrap();
}

/// A configuration file outside that holds the secret.
fn secret_config(lab: &Lab) -> PathBuf {
    let path = lab.outside.join("config");
    fs::write(&path, format!("[core]\n\trepositoryformatversion = 0\n\tbare = false\n[user]\n\tname = {SECRET}\n"))
        .unwrap();
    path
}

#[test]
fn git_file() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let repo = lab.ws.join("repo");
    fs::create_dir(&repo).unwrap();
    for link in [secret.join(".git").to_str().unwrap(), "../../outside/secret/.git"] {
        fs::write(repo.join(".git"), format!("gitdir: {link}\n")).unwrap();
        leaks(&lab, &repo, &["log"]);
        lab.refused(&repo, Code::Forbidden, "repo/.git");
    }
    fs::write(repo.join(".git"), format!("gitdir: {}/.git\nx", repo.display())).unwrap();
    lab.refused(&repo, Code::Forbidden, "repo/.git");
}

#[test]
fn git_symlink() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let repo = lab.ws.join("repo");
    fs::create_dir(&repo).unwrap();
    symlink(secret.join(".git"), repo.join(".git")).unwrap();
    leaks(&lab, &repo, &["log"]);
    lab.refused(&repo, Code::Forbidden, "repo/.git");
}

#[test]
fn commondir() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let repo = lab.inner();
    fs::write(repo.join(".git/commondir"), secret.join(".git").to_str().unwrap()).unwrap();
    leaks(&lab, &repo, &["log"]);
    lab.refused(&repo, Code::Forbidden, "repo/.git/commondir");
}

#[test]
fn back_pointers() {
    let lab = Lab::new();
    let repo = lab.inner();
    lab.git(&repo, &["worktree", "add", "-q", "--detach", "../linked"]);
    let linked = lab.ws.join("linked");
    lab.opened(&linked);
    let secret = lab.secret_repo();
    let pointer = repo.join(".git/worktrees/linked/gitdir");
    let real = fs::read_to_string(&pointer).unwrap();
    fs::write(&pointer, format!("{}\n", secret.join(".git").display())).unwrap();
    // libgit2 takes the working tree from there: what it would stage is outside.
    let followed = git2::Repository::open(&linked).unwrap();
    assert_eq!(followed.workdir(), Some(secret.join("").as_path()));
    lab.refused(&linked, Code::Forbidden, "gitdir");
    lab.refused(&repo, Code::Forbidden, "gitdir");

    // Inside, but another's.
    let other = lab.repo(&lab.ws.join("other"));
    fs::write(&pointer, format!("{}\n", other.join(".git").display())).unwrap();
    lab.refused(&linked, Code::Forbidden, "gitdir");
    lab.refused(&repo, Code::Forbidden, "gitdir");
    fs::write(&pointer, real).unwrap();
    lab.opened(&linked);
    fs::write(repo.join(".git/worktrees/linked/commondir"), other.join(".git").to_str().unwrap()).unwrap();
    lab.refused(&repo, Code::Forbidden, "commondir");
}

#[test]
fn back_pointer_of_a_made_up_worktree() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    lab.inner();
    let (admin, tree) = (lab.ws.join("admin"), lab.ws.join("tree"));
    append(&admin.join("HEAD"), "ref: refs/heads/main\n");
    append(&admin.join("commondir"), "../repo/.git\n");
    append(&admin.join("gitdir"), &format!("{}/.git\n", tree.display()));
    append(&tree.join(".git"), "gitdir: ../admin\n");
    lab.opened(&tree);
    fs::write(admin.join("gitdir"), format!("{}/.git\n", secret.display())).unwrap();
    let followed = git2::Repository::open(&tree).unwrap();
    assert_eq!(followed.workdir(), Some(secret.join("").as_path()), "libgit2 does not follow it");
    lab.refused(&tree, Code::Forbidden, "admin/gitdir leads outside");
}

#[test]
fn core_worktree() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    fs::rename(secret.join("secret.txt"), secret.join(SECRET)).unwrap();
    for value in [secret.to_str().unwrap(), "../../../outside/secret"] {
        let repo = lab.repo(&lab.ws.join(format!("repo{}", value.len())));
        lab.git(&repo, &["config", "core.worktree", value]);
        leaks(&lab, &repo, &["status", "--porcelain"]);
        lab.refused(&repo, Code::Forbidden, "core.worktree");
    }
    let repo = lab.inner();
    lab.git(&repo, &["config", "core.worktree", "."]);
    lab.refused(&repo, Code::Forbidden, "core.worktree");
}

#[test]
fn alternates() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let id = lab.git(&secret, &["rev-parse", "HEAD"]);
    let objects = secret.join(".git/objects");
    for line in [objects.to_str().unwrap(), "../../../../outside/secret/.git/objects"] {
        let repo = lab.repo(&lab.ws.join(format!("repo{}", line.len())));
        append(&repo.join(".git/objects/info/alternates"), &format!("# c\n{line}\n"));
        leaks(&lab, &repo, &["cat-file", "-p", id.trim()]);
        lab.refused(&repo, Code::Forbidden, "objects/info/alternates");
    }
    let middle = lab.repo(&lab.ws.join("middle"));
    append(&middle.join(".git/objects/info/alternates"), &format!("{}\n", objects.display()));
    let repo = lab.inner();
    append(&repo.join(".git/objects/info/alternates"), &format!("{}\n", middle.join(".git/objects").display()));
    leaks(&lab, &repo, &["cat-file", "-p", id.trim()]);
    lab.refused(&repo, Code::Forbidden, "middle/.git/objects/info/alternates");

    for (n, line) in ["relative", "\"/x\"", "/no/such/place"].into_iter().enumerate() {
        let repo = lab.repo(&lab.ws.join(format!("odd{n}")));
        append(&repo.join(".git/objects/info/alternates"), line);
        lab.refused(&repo, Code::Forbidden, "objects/info/alternates");
    }
    let repo = lab.repo(&lab.ws.join("http"));
    append(&repo.join(".git/objects/info/http-alternates"), "/no/such/place\n");
    lab.refused(&repo, Code::Forbidden, "http-alternates");
}

#[test]
fn include_path() {
    let lab = Lab::new();
    let outside = secret_config(&lab);
    fs::copy(&outside, lab.home().join("cfg")).unwrap();
    let absolute = outside.to_str().unwrap();
    let cases = [
        format!("[include]\n\tpath = {absolute}\n"),
        "[include]\n\tpath = ../../../outside/config\n".to_owned(),
        "[INCLUDE]\n\tPath = \"../../../outs\\\n\nide/config\"\n".replace("\\\n\n", "\\\n"),
        "[include]\n\tpath = ~/cfg\n".to_owned(),
        format!("[includeIf \"gitdir:**\"]\n\tpath = {absolute}\n"),
        format!("[includeIf \"gitdir/i:**\"]\n\tpath = {absolute}\n"),
        format!("[includeif \"onbranch:ma*\"]\n\tpath = {absolute}\n"),
        format!("[include] path = {absolute}\n"),
    ];
    for (n, text) in cases.iter().enumerate() {
        let repo = lab.repo(&lab.ws.join(format!("repo{n}")));
        append(&repo.join(".git/config"), text);
        leaks(&lab, &repo, &["config", "user.name"]);
        let e = lab.open(&repo).unwrap_err();
        assert_eq!(e.code(), Code::Forbidden, "{text} {e}");
        assert!(
            e.message().contains("path at line") || e.message().contains("cannot be read with certainty"),
            "{text} {e}"
        );
    }
    let nested = lab.inner();
    append(&nested.join(".git/config"), "[include]\n\tpath = ../more\n");
    fs::write(nested.join("more"), format!("[include]\n\tpath = {absolute}\n")).unwrap();
    leaks(&lab, &nested, &["config", "user.name"]);
    lab.refused(&nested, Code::Forbidden, "repo/more");

    let linked = lab.repo(&lab.ws.join("per-worktree"));
    lab.git(&linked, &["config", "extensions.worktreeConfig", "true"]);
    append(&linked.join(".git/config.worktree"), &cases[0]);
    leaks(&lab, &linked, &["config", "user.name"]);
    lab.refused(&linked, Code::Forbidden, "config.worktree");

    let looped = lab.repo(&lab.ws.join("looped"));
    append(&looped.join(".git/config"), "[include]\n\tpath = config\n");
    lab.refused(&looped, Code::Forbidden, "include.path nests too deeply");

    // libgit2 reads this file as a configuration file too, and it is tracked content.
    let modules = lab.repo(&lab.ws.join("modules"));
    fs::write(modules.join(".gitmodules"), &cases[0]).unwrap();
    lab.refused(&modules, Code::Forbidden, ".gitmodules");
}

#[test]
fn rule_files() {
    let lab = Lab::new();
    fs::write(lab.outside.join("rules"), "*.txt foo=TOPSECRET\n*.o\n").unwrap();
    let rules = lab.outside.join("rules");
    let repo = lab.inner();
    lab.git(&repo, &["config", "core.attributesFile", rules.to_str().unwrap()]);
    leaks(&lab, &repo, &["check-attr", "foo", "file.txt"]);
    lab.refused(&repo, Code::Forbidden, "core.attributesfile");
    for (n, (key, value)) in [
        ("core.excludesFile", rules.to_str().unwrap()),
        ("mailmap.file", rules.to_str().unwrap()),
        ("core.excludesFile", "etc/x"),
        ("core.excludesFile", "~/x"),
    ]
    .into_iter()
    .enumerate()
    {
        let repo = lab.repo(&lab.ws.join(format!("repo{n}")));
        lab.git(&repo, &["config", key, value]);
        lab.refused(&repo, Code::Forbidden, &key.to_lowercase());
    }
}

#[test]
fn symlinked_metadata() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let config = secret_config(&lab);
    // For these plain git is shown to answer from outside.
    let shown: [(&str, PathBuf, &[&str]); 2] = [
        ("config", config, &["config", "user.name"]),
        ("objects", secret.join(".git/objects"), &["cat-file", "--batch-all-objects", "--batch"]),
    ];
    for (name, target, args) in shown {
        let repo = lab.repo(&lab.ws.join(format!("shown-{name}")));
        let path = repo.join(".git").join(name);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        symlink(target, &path).unwrap();
        leaks(&lab, &repo, args);
        lab.refused(&repo, Code::Forbidden, name);
    }
    let names = [
        "HEAD",
        "index",
        "packed-refs",
        "refs",
        "refs/heads",
        "refs/heads/main",
        "refs/remotes",
        "logs/HEAD",
        "logs/refs",
        "info",
        "info/exclude",
        "info/attributes",
        "info/grafts",
        "objects/info",
        "objects/pack",
        "objects/pack/pack-x.pack",
        "objects/17",
        "objects/info/commit-graph",
        "shallow",
        "modules",
        "worktrees",
        "rebase-merge",
        "rebase-merge/done",
        "config.worktree",
        "hooks",
        "logs",
        "COMMIT_EDITMSG",
        "MERGE_HEAD",
        "FETCH_HEAD",
        "sequencer/todo",
        "remotes",
        "branches/x",
    ];
    for (n, name) in names.into_iter().enumerate() {
        for missing in [false, true] {
            let repo = lab.repo(&lab.ws.join(format!("s{n}{missing}")));
            let path = repo.join(".git").join(name);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let target = lab.outside.join(format!("target{n}{missing}"));
            match (missing, secret.join(".git").join(name)) {
                (true, _) => {}
                (false, real) if real.is_dir() => symlink(real, &target).unwrap(),
                (false, _) => fs::write(&target, "").unwrap(),
            }
            symlink(&target, &path).unwrap();
            let e = lab.open(&repo).unwrap_err();
            assert_eq!(e.code(), Code::Forbidden, "{name}: {e}");
            assert!(e.message().contains(name.split('/').next().unwrap()), "{name}: {e}");
        }
    }
}

#[test]
fn hard_linked_metadata() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let config = secret_config(&lab);
    let repo = lab.inner();
    fs::remove_file(repo.join(".git/config")).unwrap();
    fs::hard_link(config, repo.join(".git/config")).unwrap();
    leaks(&lab, &repo, &["config", "user.name"]);
    lab.refused(&repo, Code::Forbidden, "repo/.git/config has a second hard link");
    for name in [
        "HEAD",
        "index",
        "packed-refs",
        "refs/heads/main",
        "logs/HEAD",
        "logs/refs/heads/main",
        "info/exclude",
        "info/attributes",
        "shallow",
    ] {
        let repo = lab.repo(&lab.ws.join(name.replace('/', "-")));
        let (path, target) = (repo.join(".git").join(name), secret.join(".git").join(name));
        let _ = fs::remove_file(&path);
        append(&path, "");
        let _ = fs::remove_file(&path);
        append(&target, "");
        fs::hard_link(target, path).unwrap();
        lab.refused(&repo, Code::Forbidden, name);
    }
}

#[test]
fn files_that_are_no_files() {
    let lab = Lab::new();
    for (n, name) in [
        ".git/HEAD",
        ".git/config",
        ".git/refs/heads/x",
        ".git/objects/info/alternates",
        ".git/objects/pack/p.idx",
        ".git",
    ]
    .into_iter()
    .enumerate()
    {
        let repo = lab.repo(&lab.ws.join(format!("repo{n}")));
        let path = repo.join(name);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        lab.refused(&repo, Code::Forbidden, name);
    }
}

#[test]
fn bare_repository_among_the_content() {
    let lab = Lab::new();
    let program = lab.program();
    let repo = lab.inner();
    let bare = repo.join("fixtures/evil");
    fs::create_dir_all(bare.join("worktree")).unwrap();
    lab.git(&bare, &["init", "-q", "--bare", "."]);
    append(&bare.join("config"), &format!("[core]\n\tbare = false\n\tworktree = worktree\n\tfsmonitor = {program}\n"));
    lab.try_git(&bare.join("worktree"), &["status"]);
    assert!(lab.canary.exists(), "plain git does not use it");
    for start in [&bare, &bare.join("worktree"), &bare.join("refs")] {
        lab.refused(start, Code::Forbidden, "bare repository inside the repository at repo");
    }
    lab.opened(&repo);
    lab.opened(&repo.join("fixtures"));

    // Alone it is opened only by its own name.
    lab.git(&lab.ws, &["init", "-q", "--bare", "alone.git"]);
    lab.opened(&lab.ws.join("alone.git"));
    lab.refused(&lab.ws.join("alone.git/refs"), Code::Forbidden, "inside the bare repository alone.git");
}

#[test]
fn inside_the_metadata() {
    let lab = Lab::new();
    let repo = lab.inner();
    for start in [".git", ".git/refs", ".GIT", "git~1", ".git ./x"] {
        let start = repo.join(start);
        fs::create_dir_all(&start).unwrap();
        lab.refused(&start, Code::Forbidden, "inside the metadata");
    }
    lab.git(&repo, &["config", "core.protectNTFS", "false"]);
    lab.refused(&repo, Code::Forbidden, "core.protectntfs");
}

#[test]
fn submodule_path_through_a_symlink() {
    let lab = Lab::new();
    let secret = lab.secret_repo();
    let repo = lab.inner();
    let id = lab.git(&secret, &["rev-parse", "HEAD"]);
    lab.git(&repo, &["update-index", "--add", "--cacheinfo", &format!("160000,{},deps/sub", id.trim())]);
    fs::create_dir(repo.join("deps")).unwrap();
    symlink(&secret, repo.join("deps/sub")).unwrap();
    leaks(&lab, &repo.join("deps/sub"), &["log"]);
    let followed = git2::Repository::open(&repo).unwrap().find_submodule("deps/sub").unwrap().open().unwrap();
    assert_eq!(fs::canonicalize(followed.path()).unwrap(), secret.join(".git"), "libgit2 does not follow it");
    lab.refused(&repo, Code::Forbidden, "deps/sub goes through a symlink");

    fs::remove_file(repo.join("deps/sub")).unwrap();
    fs::create_dir(repo.join("deps/sub")).unwrap();
    lab.opened(&repo);
    fs::write(repo.join("deps/sub/.git"), format!("gitdir: {}\n", secret.join(".git").display())).unwrap();
    lab.refused(&repo, Code::Forbidden, "repo/deps/sub/.git");

    // Known from .gitmodules only.
    lab.git(&repo, &["rm", "-q", "-f", "--cached", "deps/sub"]);
    lab.opened(&repo);
    fs::write(repo.join(".gitmodules"), "[submodule \"x\"]\n\tpath = deps/sub\n\turl = x\n").unwrap();
    lab.refused(&repo, Code::Forbidden, "repo/deps/sub/.git");
    assert!(gate::inspect(&lab.ws, &repo.join("deps/sub")).is_err());
    assert!(gate::inspect(&lab.ws, &repo.join("deps")).unwrap().is_none());
}

#[test]
fn repository_above_the_workspace() {
    let lab = Lab::new();
    lab.git(lab.top(), &["init", "-q"]);
    fs::write(lab.top().join("secret.txt"), "x").unwrap();
    lab.git(lab.top(), &["add", "secret.txt"]);
    lab.git(lab.top(), &["commit", "-q", "-m", SECRET]);
    fs::create_dir_all(lab.ws.join("a/b")).unwrap();
    for start in [lab.ws.clone(), lab.ws.join("a/b")] {
        leaks(&lab, &start, &["log"]);
        lab.refused(&start, Code::NotFound, "no git repository");
    }
    // Not even by a name that begins alike, or from outside.
    let twin = lab.repo(&lab.top().join("ws-evil"));
    lab.refused(&twin, Code::InvalidArgument, "not inside the workspace");
    symlink(&twin, lab.ws.join("link")).unwrap();
    lab.refused(&lab.ws.join("link"), Code::InvalidArgument, "not inside the workspace");
}

#[test]
fn formats_libgit2_cannot_read() {
    let lab = Lab::new();
    lab.git(&lab.ws, &["init", "-q", "--object-format=sha256", "sha256"]);
    lab.refused(&lab.ws.join("sha256"), Code::Unsupported, "SHA-1");
    let cases = [
        ("extensions.refStorage", "reftable", "reftable"),
        ("extensions.partialClone", "origin", "partial clone"),
        ("remote.origin.promisor", "true", "partial clone"),
        ("extensions.compatObjectFormat", "sha256", "SHA-1"),
        ("extensions.fromTheFuture", "true", "extension"),
        ("core.repositoryFormatVersion", "2", "format version"),
    ];
    for (n, (key, value, offender)) in cases.into_iter().enumerate() {
        for version in ["0", "1"] {
            let repo = lab.repo(&lab.ws.join(format!("repo{n}{version}")));
            lab.git(&repo, &["config", "core.repositoryFormatVersion", version]);
            lab.git(&repo, &["config", key, value]);
            lab.refused(&repo, Code::Unsupported, offender);
        }
    }
}
