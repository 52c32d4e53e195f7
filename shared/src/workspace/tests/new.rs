//! Making new things, and taking them back.

use std::io::Write;

use super::*;

#[track_caller]
fn refuses_new(t: &Fixture, input: &str, code: Code) {
    match t.ws.resolve_new("dir", input) {
        Ok(place) => panic!("{}: {input:?} was accepted as {}", t.mode, place.display()),
        Err(error) => assert_eq!(error.code(), code, "{}: {input:?}: {error}", t.mode),
    }
}

#[test]
fn where_new_things_may_go() {
    each(|t| {
        t.link("a/b", "ws/in");
        t.link(t.path("outside"), "ws/out");
        t.link(t.path("outside/new"), "ws/dangling-out");
        for (input, expected) in [
            ("new", "new"),
            ("new/", "new"),
            ("./new", "new"),
            ("a/new", "a/new"),
            ("in/new", "a/b/new"),
            ("in/../new", "a/new"),
        ] {
            let place = t.ws.resolve_new("dir", input).unwrap_or_else(|error| panic!("{}: {input}: {error}", t.mode));
            assert_eq!(place.relative(), Path::new(expected), "{}: {input}", t.mode);
            assert_eq!(place.absolute().unwrap(), t.path("ws").join(expected));
        }
        assert_eq!(t.ws.resolve_new("dir", &t.absolute("ws/new")).unwrap().relative(), Path::new("new"));
        for input in [
            "",
            ".",
            "..",
            "/",
            "a/.",
            "a/..",
            "a/./",
            "a/../",
            "new/..",
            &t.absolute("ws"),
            &t.absolute("ws/"),
            "new\n",
        ] {
            refuses_new(t, input, Code::InvalidArgument);
        }
        for input in ["../new", "out/new", "/new", &t.absolute("new"), &t.absolute("ws-evil/new"), "a/../../new"] {
            refuses_new(t, input, Code::Forbidden);
        }
        for input in ["a", "top", "in", "out", "dangling-out"] {
            refuses_new(t, input, Code::Conflict);
        }
        refuses_new(t, "nothing/new", Code::NotFound);
        refuses_new(t, "top/new", Code::InvalidArgument);
        assert_eq!(t.ws.resolve_new_or_existing("dir", "top").unwrap().relative(), Path::new("top"));
    });
}

#[test]
fn kept_or_taken_back() {
    each(|t| {
        let place = t.ws.resolve_new("dir", "a/new").unwrap();
        let made = place.create_dir().unwrap();
        assert!(made.path().is_dir() && t.path("ws/a/new").is_dir());
        assert_eq!(place.create_dir().unwrap_err().code(), Code::Conflict);
        assert_eq!(place.create_file().unwrap_err().code(), Code::Conflict);
        std::fs::create_dir_all(t.path("ws/a/new/x/y")).unwrap();
        std::fs::write(t.path("ws/a/new/x/y/f"), "").unwrap();
        // Taking it back removes the link, not what it leads to.
        t.link(t.path("outside"), "ws/a/new/x/out");
        drop(made);
        assert!(!t.path("ws/a/new").exists() && t.path("outside/f").exists());

        let (made, mut file) = place.create_file().unwrap();
        file.write_all(b"text").unwrap();
        drop(made);
        assert!(!t.path("ws/a/new").exists());

        let (made, mut file) = place.create_file().unwrap();
        file.write_all(b"text").unwrap();
        let kept = made.keep();
        assert!(kept.still_there());
        assert_eq!(std::fs::read_to_string(t.path("ws/a/new")).unwrap(), "text");
    });
}

#[test]
fn no_link_is_written_through() {
    each(|t| {
        let place = t.ws.resolve_new("dir", "a/new").unwrap();
        t.link(t.path("outside/made"), "ws/a/new");
        assert_eq!(place.create_file().unwrap_err().code(), Code::Conflict);
        assert_eq!(place.create_dir().unwrap_err().code(), Code::Conflict);
        assert!(!t.path("outside/made").exists());
        // The parent is a handle: the name it had may lead outside now.
        let place = t.ws.resolve_new("dir", "d/new").unwrap();
        std::fs::rename(t.path("ws/d"), t.path("ws/d2")).unwrap();
        t.link(t.path("outside"), "ws/d");
        place.create_dir().unwrap().keep();
        assert!(t.path("ws/d2/new").is_dir() && !t.path("outside/new").exists());
    });
}

#[test]
fn only_what_was_made_is_removed() {
    each(|t| {
        let made = t.ws.resolve_new("dir", "new").unwrap().create_dir().unwrap();
        std::fs::rename(t.path("ws/new"), t.path("ws/renamed")).unwrap();
        std::fs::create_dir(t.path("ws/new")).unwrap();
        std::fs::write(t.path("ws/new/precious"), "").unwrap();
        drop(made);
        assert!(t.path("ws/new/precious").exists());
        let (made, _file) = t.ws.resolve_new("dir", "file").unwrap().create_file().unwrap();
        std::fs::remove_file(t.path("ws/file")).unwrap();
        t.link(t.path("outside/f"), "ws/file");
        drop(made);
        assert!(t.path("ws/file").is_symlink() && t.path("outside/f").exists());
    });
}

#[test]
fn a_tree_deeper_than_descriptors_and_stack() {
    // In memory where there is such a place: a disk can take seconds to remove so many directories.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let ws = Workspace::open(dir.path()).unwrap();
    let made = ws.resolve_new("dir", "deep").unwrap().create_dir().unwrap();
    let mut here = made.path().open_dir().unwrap();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
    for _ in 0..3000 {
        rustix::fs::mkdirat(&here, "x", rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        here = handle::open_entry(here.as_fd(), "x", flags, rustix::fs::Mode::empty()).unwrap();
    }
    made.remove().unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn staged_and_moved_into_place() {
    each(|t| {
        let target = t.ws.resolve_new("dir", "clone").unwrap();
        let staged = target.staging().create_dir().unwrap();
        assert!(staged.path().relative().to_str().unwrap().starts_with(".staging-"));
        std::fs::write(staged.path().absolute().unwrap().join("f"), "inside").unwrap();
        let done = staged.rename_to(&target).unwrap();
        assert_eq!(done.relative(), Path::new("clone"));
        assert!(done.still_there() && t.path("ws/clone/f").exists());

        // Taken meanwhile: refused, and nothing of the attempt remains.
        let target = t.ws.resolve_new("dir", "second").unwrap();
        let staged = target.staging().create_dir().unwrap();
        std::fs::create_dir(t.path("ws/second")).unwrap();
        assert_eq!(staged.rename_to(&target).unwrap_err().code(), Code::Conflict);
        let target = t.ws.resolve_new("dir", "third").unwrap();
        let (staged, _file) = target.staging().create_file().unwrap();
        t.link(t.path("outside/f"), "ws/third");
        assert_eq!(staged.rename_to(&target).unwrap_err().code(), Code::Conflict);
        assert_eq!(std::fs::read_to_string(t.path("outside/f")).unwrap(), "outside");

        // Asked to replace: the link is replaced, not followed.
        let target = t.ws.resolve_new_or_existing("dir", "third").unwrap();
        let (staged, mut file) = target.staging().create_file().unwrap();
        file.write_all(b"new").unwrap();
        staged.rename_to(&target).unwrap();
        assert_eq!(std::fs::read_to_string(t.path("ws/third")).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(t.path("outside/f")).unwrap(), "outside");

        // What was staged has been exchanged for something else.
        let target = t.ws.resolve_new("dir", "fourth").unwrap();
        let staged = target.staging().create_dir().unwrap();
        let place = t.path("ws").join(staged.path().relative());
        std::fs::rename(&place, t.path("ws/stolen")).unwrap();
        symlink(t.path("outside"), &place).unwrap();
        assert_eq!(staged.rename_to(&target).unwrap_err().code(), Code::Conflict);
        assert!(!t.path("ws/fourth").exists());
        std::fs::remove_file(&place).unwrap();

        let left: Vec<_> = std::fs::read_dir(t.path("ws"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(".staging-"))
            .collect();
        assert!(left.is_empty(), "{}: left behind: {left:?}", t.mode);
    });
}
