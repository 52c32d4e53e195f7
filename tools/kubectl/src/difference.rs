//! What `kubectl diff` prints, without what it should not have shown.
//!
//! It masks the data of Secrets itself, but not their annotations, and one of those holds the last applied manifest with every value.

/// The start of the line that names a side.
const LIVE: &str = "--- ";
const MERGED: &str = "+++ ";
/// What stands for a value that is not shown.
const MASKED: &str = "[masked: may hold a copy of the secret]";

/// The differences: names of objects instead of temporary files, annotations of Secrets masked.
pub fn clean(diff: &str) -> String {
    let mut out = String::with_capacity(diff.len());
    let (mut secret, mut labels, mut heading) = (false, false, false);
    for line in diff.lines() {
        if line.starts_with("diff ") {
            // Only here is a line with --- or +++ a name.
            heading = true;
            continue;
        }
        if heading && let Some(rest) = line.strip_prefix(LIVE).or_else(|| line.strip_prefix(MERGED)) {
            let path = rest.split('\t').next().unwrap_or(rest);
            let name = path.rsplit('/').next().unwrap_or(path);
            secret = name.starts_with("v1.Secret.");
            let side = if line.starts_with(LIVE) { "--- live " } else { "+++ applied " };
            heading = line.starts_with(LIVE);
            out.push_str(side);
            out.push_str(name);
        } else if line.starts_with("@@") {
            labels = false;
            out.push_str(line);
        } else if secret {
            masked(line, &mut labels, &mut out);
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// A line of a Secret: what is as deep as annotations are is not shown, unless it is a label. A hunk may begin within either, so that only
/// what is known to be one is taken for a label.
fn masked(line: &str, labels: &mut bool, out: &mut String) {
    let mut chars = line.chars();
    let marker = chars.next();
    let content = chars.as_str();
    let depth = content.len() - content.trim_start_matches(' ').len();
    if depth <= 2 {
        *labels = content == "  labels:";
    }
    if depth < 4 || *labels {
        out.push_str(line);
        return;
    }
    out.extend(marker);
    out.push_str(content.get(..depth).unwrap_or_default());
    match content.trim_start().split_once(": ") {
        Some((key, _)) if !key.starts_with(['{', '"']) && depth == 4 => {
            out.push_str(key);
            out.push_str(": ");
        }
        _ => {}
    }
    out.push_str(MASKED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_s_annotations_are_masked_and_its_labels_are_not() {
        let diff = "diff -u -N /tmp/LIVE-1/v1.Secret.n.d /tmp/MERGED-2/v1.Secret.n.d\n\
            --- /tmp/LIVE-1/v1.Secret.n.d\t2026-11-26 00:08:50 +0000\n\
            +++ /tmp/MERGED-2/v1.Secret.n.d\t2026-11-26 00:08:50 +0000\n\
            @@ -8,7 +8,7 @@\n       {\"stringData\":{\"password\":\"hunter\"}}\n\
            -    other: hunter\n   labels:\n-    a: b\n+    a: c\n   name: d\n";
        let clean = clean(diff);
        assert!(!clean.contains("hunter"), "{clean}");
        assert!(clean.starts_with("--- live v1.Secret.n.d\n+++ applied v1.Secret.n.d\n@@"), "{clean}");
        assert!(
            clean.contains("\n-    other: [masked") && clean.contains("\n-    a: b\n+    a: c\n   name: d\n"),
            "{clean}"
        );
    }

    #[test]
    fn a_hunk_that_begins_within_annotations_is_not_taken_for_labels() {
        let diff = "diff -u -N a b\n--- /x/v1.Secret.n.d\t1\n+++ /y/v1.Secret.n.d\t2\n@@ -1 +1 @@\n   labels:\n-    a: b\n\
            @@ -40 +40 @@\n-    copy: hunter\n+    copy: hunter2\n";
        assert!(!clean(diff).contains("hunter"), "{}", clean(diff));
    }

    #[test]
    fn others_are_as_they_are() {
        let hunk = "@@ -1,2 +1,2 @@\n data:\n---- a\n+++ b\n     deep: {x: y}\n";
        let diff = format!("diff -u -N a b\n--- /x/v1.ConfigMap.n.a\t1\n+++ /y/v1.ConfigMap.n.a\t2\n{hunk}");
        assert_eq!(clean(&diff), format!("--- live v1.ConfigMap.n.a\n+++ applied v1.ConfigMap.n.a\n{hunk}"));
    }
}
