use super::*;

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        sha256: Some(Digest::of(name.as_bytes())),
        licence: Some("MIT/Apache-2.0".to_owned()),
        purl: Some(format!("pkg:cargo/{name}@{version}")),
        comment: None,
    }
}

fn sbom() -> Sbom {
    Sbom {
        server: "demo".to_owned(),
        version: "0.1.0".to_owned(),
        licence: Some("Apache-2.0".to_owned()),
        revision: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        created: 1_795_634_667,
        platform: Platform::linux("arm64"),
        files: vec![File::of("mcp-demo", b"binary")],
        packages: vec![package("zlib-rs", "0.5.0"), package("serde_json", "1.0.0"), package("serde_json", "2.0.0")],
        clis: vec![Cli {
            name: "kubectl".to_owned(),
            version: "v1.36.4".to_owned(),
            sha256: Digest::of(b"cli"),
            url: None,
        }],
    }
}

fn read(sbom: &Sbom) -> serde_json::Value {
    serde_json::from_slice(&sbom.bytes()).unwrap()
}

#[test]
fn the_same_input_in_any_order_is_the_same_document_and_another_has_another_name() {
    let mut turned = sbom();
    turned.packages.reverse();
    turned.packages.push(turned.packages[0].clone());
    assert_eq!(turned.bytes(), sbom().bytes());
    assert_eq!(Digest::of(&sbom().bytes()).hex(), "be80db15e96cb124dd8317bf65d554e821e4730589e86ac60ec98b88c83e4769");
    let later = Sbom { created: 1_795_634_668, ..sbom() };
    assert_ne!(read(&later)["documentNamespace"], read(&sbom())["documentNamespace"]);
    let namespace = read(&sbom())["documentNamespace"].as_str().unwrap().to_owned();
    assert!(namespace.starts_with("https://spdx.org/spdxdocs/mcp-demo-0.1.0-linux-arm64-"), "{namespace}");
}

#[test]
fn everything_in_the_document_hangs_together() {
    let document = read(&sbom());
    let elements = ["packages", "files"].map(|kind| document[kind].as_array().unwrap().clone()).concat();
    let ids: Vec<&str> = elements.iter().map(|element| element["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(BTreeSet::from_iter(&ids).len(), ids.len());
    assert_eq!(ids.len(), 1 + 3 + 1 + 1);
    let mut reached: Vec<&str> = Vec::new();
    for relationship in document["relationships"].as_array().unwrap() {
        reached.push(relationship["relatedSpdxElement"].as_str().unwrap());
    }
    assert_eq!(BTreeSet::from_iter(&ids), BTreeSet::from_iter(&reached));
    let server = &document["packages"][0];
    assert_eq!((&server["name"], &server["licenseDeclared"]), (&"mcp-demo".into(), &"Apache-2.0".into()));
    assert_eq!(server["sourceInfo"], "built for linux/arm64 from the commit 0123456789abcdef0123456789abcdef01234567");
    assert_eq!(document["packages"][1]["licenseDeclared"], "MIT OR Apache-2.0");
    // printf binary | sha1sum
    assert_eq!(document["files"][0]["checksums"][0]["checksumValue"], "7e57cfe843145135aee1f4d0d63ceb7842093712");
    assert_eq!(document["creationInfo"]["created"], "2026-11-25T19:24:27Z");
}

#[test]
fn a_server_without_files_claims_no_analysis_of_them() {
    let document = read(&Sbom { files: Vec::new(), ..sbom() });
    assert_eq!(document["packages"][0]["filesAnalyzed"], false);
    assert!(document["packages"][0].get("packageVerificationCode").is_none() && document.get("files").is_none());
}

#[test]
fn identifiers_stay_apart_where_characters_give_way() {
    let mut taken = BTreeSet::new();
    let ids: Vec<String> = [&["a_b", "1.0"][..], &["a-b", "1.0"], &["a", "b-1.0"], &["a+b", "1.0"], &["a", "b-1.0"]]
        .iter()
        .map(|parts| unique(&mut taken, "Package", parts))
        .collect();
    assert_eq!(taken.len(), ids.len());
    assert_eq!(ids[1], "SPDXRef-Package-a-b-1.0");
    assert!(ids.iter().all(|id| *id == identifier(id)), "{ids:?}");
}

#[test]
fn what_is_no_expression_is_not_claimed() {
    for (text, expected) in [
        ("MIT", "MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT / Apache-2.0", "MIT OR Apache-2.0"),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", "(MIT OR Apache-2.0) AND Unicode-3.0"),
        ("Apache-2.0 WITH LLVM-exception OR MIT", "Apache-2.0 WITH LLVM-exception OR MIT"),
        ("GPL-2.0+", "GPL-2.0+"),
        ("", spdx::UNKNOWN),
        ("MIT Apache-2.0", spdx::UNKNOWN),
        ("MIT OR", spdx::UNKNOWN),
        ("OR MIT", spdx::UNKNOWN),
        ("(MIT", spdx::UNKNOWN),
        ("MIT)", spdx::UNKNOWN),
        (")MIT(", spdx::UNKNOWN),
        ("()", spdx::UNKNOWN),
        ("see LICENSE.txt!", spdx::UNKNOWN),
    ] {
        assert_eq!(licence(text), expected, "{text:?}");
    }
}
