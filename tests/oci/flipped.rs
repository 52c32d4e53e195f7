//! One bit, anywhere in a release: `agent-tools verify` finds it and says where.

use super::kit::{Agent, Released, VERSION};

#[test]
fn a_flipped_bit_in_any_blob_is_found_and_named() {
    let (agent, released) = (Agent::new(), Released::new());
    let layout = released.path("layout");
    let key = released.path("signing.pub");
    let verify = |tag: &str| agent.run(&["verify", &format!("oci:{layout}:{tag}"), "--key", &key]);
    let tags = [VERSION.to_owned(), format!("{VERSION}-image")];
    for tag in &tags {
        super::said(&verify(tag));
    }
    let blobs = released.layout.root().join("blobs/sha256");
    let mut names: Vec<_> = std::fs::read_dir(&blobs).expect("blobs").map(|entry| entry.expect("a blob")).collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    // 2 layers, their base, 2 configurations and the empty one, 2 indexes, 4 manifests, the catalogue and 6 manifests for it, 2 bills of
    // materials and 4, 6 signatures and 6.
    assert_eq!(names.len(), 37);
    for (count, entry) in names.iter().enumerate() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let good = std::fs::read(&path).expect("a blob");
        let mut bad = good.clone();
        // At the beginning, at the end and in between.
        let at = [0, good.len() - 1, good.len() / 2][count % 3];
        bad[at] ^= 1;
        std::fs::write(&path, &bad).expect("write");
        let mut found = 0;
        for tag in &tags {
            let output = verify(tag);
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            if !output.status.success() {
                assert_eq!((output.status.code(), out.as_ref()), (Some(1), ""), "{name}: {err}");
                assert!(err.contains(&name), "{name} at {at}: {err}");
                found += 1;
            }
        }
        assert!(found > 0, "{name} at {at} was not found");
        std::fs::write(&path, &good).expect("write");
    }
    for tag in &tags {
        super::said(&verify(tag));
    }
}
