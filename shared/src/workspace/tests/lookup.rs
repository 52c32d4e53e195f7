//! Single look-ups: what is inside is found under its canonical name, what is outside is refused.

use std::io::Read;

use super::*;

#[test]
fn plain_paths() {
    each(|t| {
        for root in ["", ".", "./", "./.", "a/..", "a/b/../..", "a/../a/.."] {
            assert!(t.finds(root, "").is_dir());
        }
        assert_eq!(t.finds("", "").display(), ".");
        assert_eq!(t.finds("", "").identity(), t.ws.inner.identity);
        t.finds("a", "a");
        t.finds("a/", "a");
        t.finds("a//b///f", "a/b/f");
        t.finds("./a/./b/./f", "a/b/f");
        t.refuses("nothing", Code::NotFound);
        t.refuses("a/nothing/f", Code::NotFound);
    });
}

#[test]
fn dots_in_every_position() {
    each(|t| {
        t.finds("a/../top", "top");
        t.finds("a/b/../f", "a/f");
        t.finds("a/b/..", "a");
        t.finds("a/b/c/../../../top", "top");
        for out in ["..", "../", "../ws", "../ws/top", "a/../..", "a/../../ws/top", "a/b/../../../outside/f", "./../ws"]
        {
            t.refuses(out, Code::Forbidden);
        }
        std::fs::create_dir(t.path("ws/...")).unwrap();
        t.finds("./.../", "...");
    });
}

#[test]
fn absolute_paths() {
    each(|t| {
        t.finds(&t.absolute("ws"), "");
        t.finds(&format!("{}/", t.absolute("ws")), "");
        t.finds(&t.absolute("ws/a/b/f"), "a/b/f");
        t.finds(&format!("//{}", t.absolute("ws//a/./f")), "a/f");
        t.refuses(&t.absolute("ws/nothing"), Code::NotFound);
        for out in [
            "outside",
            "outside/f",
            "ws-evil",
            "ws-evil/f",
            "ws/../outside/f",
            "ws/../ws/top",
            "w",
            "outside/../ws/top",
        ] {
            t.refuses(&t.absolute(out), Code::Forbidden);
        }
        for out in ["/", "//", "/..", "/etc", "/etc/passwd", "/root", t.base.to_str().unwrap()] {
            t.refuses(out, Code::Forbidden);
        }
    });
}

#[test]
fn what_is_outside_is_not_told() {
    each(|t| {
        t.link(t.path("outside/f"), "ws/there");
        t.link(t.path("outside/nothing"), "ws/missing");
        t.link("../outside/nothing", "ws/missing-relative");
        t.link(t.path("outside/f/under-a-file"), "ws/not-a-directory");
        t.link("loop", "outside/loop");
        t.link(t.path("outside/loop"), "ws/looping");
        t.link(t.path("outside/../ws/top"), "ws/probe-there");
        t.link(t.path("nothing/../ws/top"), "ws/probe-missing");
        let words = |input: &str| {
            let error = t.refuses(input, Code::Forbidden);
            let hint = error.next_step().unwrap().to_owned();
            (error.message().replace(&fault::quote(input), "X"), hint)
        };
        let expected = words("there");
        for same in ["missing", "missing-relative", "not-a-directory", "looping", "probe-there", "probe-missing"] {
            assert_eq!(words(same), expected, "{}: {same}", t.mode);
        }
        for same in
            ["outside/f", "outside/nothing", "outside/f/x", "outside/../ws/top", "nothing/../ws/top", "outside/loop"]
        {
            assert_eq!(words(&t.absolute(same)), expected, "{}: {same}", t.mode);
        }
    });
}

#[test]
fn links() {
    each(|t| {
        t.link("a/b", "ws/in");
        t.link("../../top", "ws/a/b/up");
        t.link(t.path("ws/a/b"), "ws/in-absolute");
        t.link(t.path("ws"), "ws/a/root");
        t.link("/", "ws/slash");
        t.link("..", "ws/parent");
        t.link("../outside", "ws/out");
        t.link(t.path("outside"), "ws/out-absolute");
        t.link(t.path("ws-evil"), "ws/evil");
        t.link(t.path("ws/../outside"), "ws/out-disguised");
        t.link("../ws/top", "ws/out-and-in");
        t.link("in", "ws/chain1");
        t.link(t.path("ws/chain1"), "ws/chain2");
        t.link("chain2/", "ws/chain3");
        t.link("out", "ws/chain-out");
        t.link("nothing", "ws/dangling");
        t.finds("in/f", "a/b/f");
        t.finds("in", "a/b");
        t.finds("in/", "a/b");
        // `..` after a link is the parent of what it leads to.
        t.finds("in/../f", "a/f");
        t.finds("a/b/up", "top");
        t.finds("in/up", "top");
        t.finds("in-absolute/f", "a/b/f");
        t.finds("in-absolute/../f", "a/f");
        t.finds("a/root/top", "top");
        t.finds("a/root", "");
        t.finds("chain3/f", "a/b/f");
        t.finds("chain3/c/../up", "top");
        t.finds(&format!("slash{}", t.absolute("ws/top")), "top");
        t.finds(&t.absolute("ws/in-absolute/c"), "a/b/c");
        t.refuses("dangling", Code::NotFound);
        for out in [
            "slash",
            "parent",
            "parent/ws",
            "out",
            "out/f",
            "out-absolute",
            "out-absolute/f",
            "evil/f",
            "out-disguised",
            "out-and-in",
            "chain-out",
            "chain-out/f",
            "a/root/../outside",
            "slash/etc",
            "in/../../../outside/f",
        ] {
            t.refuses(out, Code::Forbidden);
        }
    });
}

#[test]
fn loops_and_long_chains() {
    each(|t| {
        t.link("self", "ws/self");
        t.link("pong", "ws/ping");
        t.link("ping", "ws/pong");
        t.link(t.path("ws/absolute-loop"), "ws/absolute-loop");
        t.link("grow/grow", "ws/grow");
        for input in ["self", "self/f", "ping", "absolute-loop", "grow"] {
            t.refuses(input, Code::InvalidArgument);
        }
        t.link("top", "ws/n1");
        for number in 2..=41 {
            t.link(format!("n{}", number - 1), &format!("ws/n{number}"));
        }
        t.finds("n40", "top");
        t.refuses("n41", Code::InvalidArgument);
    });
}

#[test]
fn root_reached_through_a_link() {
    each(|t| {
        t.link("ws", "to-ws");
        t.link(t.path("to-ws"), "outside/to-ws");
        t.link("../ws/a", "outside/to-a");
        t.link(t.path("to-ws/a"), "ws/d/by-link");
        let again = Workspace::open_with(&t.path("to-ws"), Some(t.ws.resolver()), t.ws.inner.proc).unwrap();
        assert_eq!(again.root(), t.path("ws"));
        for ws in [&t.ws, &again] {
            for (input, expected) in
                [("to-ws/a/f", "a/f"), ("outside/to-ws/top", "top"), ("to-ws", ""), ("outside/to-a/f", "a/f")]
            {
                let found = ws.resolve("cwd", &t.absolute(input)).unwrap_or_else(|error| panic!("{}: {error}", t.mode));
                assert_eq!(found.relative(), Path::new(expected), "{}: {input}", t.mode);
            }
        }
        t.finds("d/by-link/f", "a/f");
        t.refuses(&t.absolute("to-ws/../outside/f"), Code::Forbidden);
        // The handle decides, not the name: another directory in its place is not the workspace.
        std::fs::remove_file(t.path("to-ws")).unwrap();
        t.link("ws-evil", "to-ws");
        assert_eq!(again.resolve("cwd", "top").unwrap().relative(), Path::new("top"));
        assert_eq!(again.resolve("cwd", "f").unwrap_err().code(), Code::NotFound);
        t.refuses(&t.absolute("to-ws/f"), Code::Forbidden);
    });
}

#[test]
fn odd_names() {
    each(|t| {
        for name in [
            "ünïcödé 文件",
            "e\u{301}",
            "with space",
            "-flag",
            "quote\"'`",
            "back\\slash",
            "~",
            "$HOME",
            "*",
            "\u{202e}txt",
        ] {
            std::fs::write(t.path("ws").join(name), "inside").unwrap();
            let found = t.finds(name, name);
            assert!(!found.display().contains('\u{202e}'));
        }
        // Names a caller cannot write, but a link can lead to.
        std::fs::write(t.path("ws/two\nlines (deleted)"), "inside").unwrap();
        t.link("two\nlines (deleted)", "ws/lines");
        assert_eq!(t.finds("lines", "two\nlines (deleted)").display(), "two\\nlines (deleted)");
        use std::os::unix::ffi::OsStrExt;
        let raw = std::ffi::OsStr::from_bytes(b"raw\xff");
        std::fs::write(t.path("ws").join(raw), "inside").unwrap();
        symlink(raw, t.path("ws/raw")).unwrap();
        let found = t.ws.resolve("cwd", "raw").unwrap();
        assert_eq!(found.relative().as_os_str(), raw);
        assert_eq!(found.absolute().unwrap(), t.path("ws").join(raw));
    });
}

#[test]
fn refused_before_any_look_up() {
    each(|t| {
        let name = "n".repeat(MAX_NAME_BYTES);
        std::fs::create_dir(t.path("ws").join(&name)).unwrap();
        t.finds(&name, &name);
        for input in [
            "a\0b",
            "top\n",
            "\r",
            "\u{7f}",
            "\u{1b}[2J",
            "\u{85}",
            &format!("{name}n"),
            &"a/".repeat(2048),
            &"./".repeat(2048),
        ] {
            let error = t.refuses(input, Code::InvalidArgument);
            assert!(!error.to_string().chars().any(char::is_control) && error.to_string().len() < 200, "{error}");
        }
        t.finds(&"./".repeat(2047), "");
    });
}

#[test]
fn deep_trees() {
    each(|t| {
        // Made one handle at a time: the whole is longer than a path may be.
        let name = "a-name-of-20-letters";
        let mut here = t.ws.resolve("cwd", "d").unwrap().open_dir().unwrap();
        for level in 1..=250 {
            rustix::fs::mkdirat(&here, name, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
            here = handle::open_entry(here.as_fd(), name, flags, rustix::fs::Mode::empty()).unwrap();
            if level == 100 {
                rustix::fs::symlinkat("../nothing", &here, "dangling").unwrap();
            }
        }
        let deep = |count: usize| format!("d{}", format!("/{name}").repeat(count));
        t.finds(&deep(150), &deep(150));
        // Up past the handles that are kept, and down again.
        t.finds(&format!("{}{}", deep(120), "/..".repeat(119)), &deep(1));
        t.refuses(&format!("{}{}", deep(120), "/..".repeat(122)), Code::Forbidden);
        t.refuses(&format!("{}/dangling", deep(100)), Code::NotFound);
        // Deeper than any path: no way to say where it is, and no crash.
        t.link(deep(150), "ws/far");
        let result = t.ws.resolve("cwd", &format!("far{}", format!("/{name}").repeat(90)));
        match result {
            Ok(found) => assert_eq!(found.relative(), Path::new(&deep(240)), "{}", t.mode),
            Err(error) => assert_eq!(error.code(), Code::InvalidArgument, "{}", t.mode),
        }
        assert_eq!(zigzag(t), Code::InvalidArgument);
    });
}

/// A path that makes the walk go up and down as long as it can is cut off.
fn zigzag(t: &Fixture) -> Code {
    std::fs::create_dir(t.path("ws/l")).unwrap();
    std::fs::create_dir_all(t.path("ws").join("x/".repeat(300))).unwrap();
    // Each goes down and up twice and ends in the workspace, at the next one; without a bound all of it would resolve.
    let target = format!("../{}", format!("{}{}", "x/".repeat(300), "../".repeat(300)).repeat(2));
    for number in 0..30 {
        let next = if number == 29 { "l".to_owned() } else { format!("l/{}", number + 1) };
        symlink(format!("{target}{next}"), t.path(&format!("ws/l/{number}"))).unwrap();
    }
    match walk::walk(&t.ws.inner, b"l/0") {
        Ok(_) => panic!("{}: the walk took as many steps as it liked", t.mode),
        Err(fault) => fault.explain("cwd", "l/0", t.ws.root()).code(),
    }
}

#[test]
fn links_of_proc_are_not_followed() {
    each(|t| {
        let root = rustix::fs::open(t.path("ws"), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        let outside = rustix::fs::open(t.path("outside"), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        let ws = t.absolute("ws");
        let mut inputs =
            vec![format!("/proc/self/root{ws}/top"), "/proc/self/root".to_owned(), "/proc/self/cwd".to_owned()];
        for fd in [&root, &outside] {
            let name = handle::proc_name(fd.as_fd());
            inputs.extend([format!("{name}/f"), name.replace("/proc/self/fd", "/dev/fd"), name]);
        }
        for (number, input) in inputs.iter().enumerate() {
            t.refuses(input, Code::Forbidden);
            let link = format!("magic{number}");
            t.link(input, &format!("ws/{link}"));
            t.refuses(&link, Code::Forbidden);
        }
    });
}

#[test]
fn a_workspace_inside_proc_does_not_follow_them_either() {
    for (mode, resolver, proc) in MODES {
        let ws = Workspace::open_with(Path::new("/proc/self"), Some(resolver), proc).unwrap();
        assert!(ws.resolve("cwd", "status").unwrap().is_file(), "{mode}");
        for link in ["root", "cwd", "exe", "root/etc/passwd", "fd/0"] {
            let error = ws.resolve("cwd", link).unwrap_err();
            assert!(matches!(error.code(), Code::Forbidden | Code::NotFound), "{mode}: {link}: {error}");
            assert!(link == "fd/0" || error.code() == Code::Forbidden, "{mode}: {link}: {error}");
        }
    }
}

#[test]
fn through_what_is_not_a_directory() {
    each(|t| {
        for input in ["top/", "top/.", "top/..", "top/x", "a/f/../f", "a/f/../../top"] {
            t.refuses(input, Code::InvalidArgument);
        }
        t.link("top", "ws/to-file");
        t.link("top/", "ws/to-file-slash");
        t.refuses("to-file/", Code::InvalidArgument);
        t.refuses("to-file-slash", Code::InvalidArgument);
        t.finds("to-file", "top");
    });
}

#[test]
fn without_permission() {
    each(|t| {
        for (path, mode) in
            [("ws/closed", 0o700), ("ws/closed/inner", 0o755), ("ws/listed", 0o444), ("ws/searched", 0o711)]
        {
            std::fs::create_dir(t.path(path)).unwrap();
            std::fs::write(t.path(path).join("f"), "inside").unwrap();
            std::fs::set_permissions(t.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::set_permissions(t.path("ws/top"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let root = rustix::process::geteuid().is_root();
        if !root {
            // The owner is shut out by other bits than a stranger.
            for path in ["ws/closed", "ws/listed", "ws/top"] {
                std::fs::set_permissions(t.path(path), std::fs::Permissions::from_mode(0o000)).unwrap();
            }
        }
        // Root is stopped by nothing, so the look-ups are made by a thread that is nobody.
        std::thread::scope(|scope| {
            let stranger = scope.spawn(|| {
                if root {
                    let nobody = rustix::process::Uid::from_raw(65534);
                    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
                }
                for input in ["closed/f", "closed/inner/f", "closed/..", "closed/nothing", "listed/f", "listed/nothing"]
                {
                    t.refuses(input, Code::Forbidden);
                }
                t.finds("searched/f", "searched/f");
                t.finds("closed", "closed");
                let top = t.finds("top", "top");
                assert_eq!(top.open_file().unwrap_err().code(), Code::Forbidden);
                assert_eq!(t.finds("closed", "closed").open_dir().unwrap_err().code(), Code::Forbidden);
                let place = t.ws.resolve_new("dir", "searched/new").unwrap();
                if root {
                    assert_eq!(place.create_dir().unwrap_err().code(), Code::Forbidden);
                    assert_eq!(place.create_file().unwrap_err().code(), Code::Forbidden);
                }
            });
            stranger.join().unwrap();
        });
        for path in ["ws/closed", "ws/listed"] {
            std::fs::set_permissions(t.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
}

#[test]
fn what_a_handle_offers() {
    each(|t| {
        let file = t.finds("a/f", "a/f");
        assert!(file.is_file() && !file.is_dir());
        assert_eq!(file.metadata().unwrap().len(), 6);
        let mut text = String::new();
        file.open_file().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        assert_eq!(file.open_dir().unwrap_err().code(), Code::InvalidArgument);
        let dir = t.finds("a", "a");
        assert_eq!(Identity::of(dir.open_dir().unwrap().as_fd()).unwrap(), dir.identity());
        assert_eq!(dir.open_file().unwrap_err().code(), Code::InvalidArgument);
        // Opening a pipe would wait for a writer; it is not opened.
        rustix::fs::mkfifoat(rustix::fs::CWD, t.path("ws/pipe"), rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
        assert_eq!(t.finds("pipe", "pipe").open_file().unwrap_err().code(), Code::InvalidArgument);
    });
}

#[test]
fn a_handle_outlives_its_name() {
    each(|t| {
        let file = t.finds("a/f", "a/f");
        let dir = t.finds("a/b", "a/b");
        let alias = t.path("ws/alias");
        symlink("a/f", &alias).unwrap();
        assert!(file.same_object_as(&alias));
        // The name now leads to something else.
        std::fs::rename(t.path("ws/a"), t.path("ws/moved")).unwrap();
        t.link(t.path("outside"), "ws/a");
        assert!(!file.still_there() && !file.same_object_as(t.path("ws/a/f")));
        assert!(file.same_object_as(t.path("ws/moved/f")));
        match t.ws.inner.proc {
            true => {
                assert_eq!(file.absolute().unwrap(), t.path("ws/moved/f"));
                let mut text = String::new();
                file.open_file().unwrap().read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside");
            }
            false => {
                assert_eq!(file.absolute().unwrap_err().code(), Code::Conflict);
                assert!(file.open_file().is_err());
            }
        }
        // The object itself leaves.
        std::fs::rename(t.path("ws/moved/b"), t.path("outside/b")).unwrap();
        assert_eq!(dir.absolute().unwrap_err().code(), Code::Conflict);
        assert!(!dir.still_there());
        // The object goes.
        std::fs::remove_file(t.path("ws/moved/f")).unwrap();
        assert!(matches!(file.absolute().unwrap_err().code(), Code::NotFound | Code::Conflict));
        assert!(!file.still_there());
    });
}

#[test]
fn a_name_given_to_another_file() {
    each(|t| {
        let file = t.finds("a/f", "a/f");
        std::fs::rename(t.path("ws/a/f"), t.path("ws/a/original")).unwrap();
        std::fs::write(t.path("ws/a/f"), "another").unwrap();
        assert!(!file.still_there() && !file.same_object_as(t.path("ws/a/f")));
        match file.open_file() {
            Ok(mut opened) => {
                let mut text = String::new();
                opened.read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside", "{}", t.mode);
            }
            Err(error) => assert!(!t.ws.inner.proc && error.code() == Code::Conflict, "{}: {error}", t.mode),
        }
    });
}

#[test]
fn the_workspace_moves() {
    each(|t| {
        let file = t.finds("a/f", "a/f");
        std::fs::rename(t.path("ws"), t.path("elsewhere")).unwrap();
        std::fs::create_dir(t.path("ws")).unwrap();
        std::fs::write(t.path("ws/impostor"), "").unwrap();
        assert!(!file.still_there());
        assert_eq!(t.ws.resolve("cwd", "impostor").unwrap_err().code(), Code::NotFound);
        if t.ws.inner.proc {
            assert_eq!(t.ws.resolve("cwd", "top").unwrap().absolute().unwrap(), t.path("elsewhere/top"));
        } else {
            assert_eq!(t.ws.resolve("cwd", "top").unwrap().absolute().unwrap_err().code(), Code::Conflict);
        }
    });
}

#[test]
fn the_whole_file_system_as_workspace() {
    for (mode, resolver, proc) in MODES {
        let ws = Workspace::open_with(Path::new("/"), Some(resolver), proc).unwrap();
        let found = ws.resolve("cwd", "/usr/../usr/bin").unwrap_or_else(|error| panic!("{mode}: {error}"));
        assert_eq!(found.absolute().unwrap(), Path::new("/usr/bin"), "{mode}");
        assert_eq!(ws.resolve("cwd", "/").unwrap().absolute().unwrap(), Path::new("/"), "{mode}");
        assert_eq!(ws.resolve("cwd", "../../usr").unwrap().relative(), Path::new("usr"), "{mode}");
    }
}

#[test]
fn choosing_the_workspace() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let (usual, named, missing) = (base.join("usual"), base.join("named"), base.join("missing"));
    std::fs::create_dir(&usual).unwrap();
    std::fs::create_dir(&named).unwrap();
    std::fs::write(base.join("file"), "").unwrap();
    let choose = |variable: Option<&Path>, usual: &Path, terminal| {
        Workspace::choose(variable.map(|path| path.as_os_str().to_owned()), usual, terminal)
    };
    assert_eq!(choose(Some(&named), &usual, false).unwrap().root(), named);
    assert_eq!(choose(None, &usual, true).unwrap().root(), usual);
    assert_eq!(choose(Some(Path::new("")), &usual, false).unwrap().root(), usual);
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    assert_eq!(choose(None, &missing, true).unwrap().root(), here);
    for result in [
        choose(None, &missing, false),
        choose(Some(&missing), &usual, true),
        choose(Some(&base.join("file")), &usual, true),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("WORKSPACE") && error.next_step().unwrap().contains("WORKSPACE"), "{error}");
    }
}
