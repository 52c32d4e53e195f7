//! What a list is sorted by, which tells something of what is sorted.

use shared::{Call, Code, Result, ToolError, exec::Capture};

use crate::{Kubectl, argv, resource::Resource, run::Request, table::LINE_MAX};

/// Reads the parameter `sort_by` for a list of `resource`.
pub fn read<'s>(sort: &'s str, resource: &Resource) -> Result<&'s str> {
    // The order of values tells much about them.
    if resource.has_secrets() && !is_harmless(sort) {
        return Err(ToolError::new(Code::Forbidden, "secrets are sorted by metadata or type only")
            .hint("for example sort_by=.metadata.creationTimestamp"));
    }
    argv::plain("sort_by", sort)
}

/// An error where a sorted list is empty and is not when it is asked for by name and without an order, as `unsorted` does: kubectl says that
/// there is nothing, too, when no object has the field it sorts by.
///
/// # Errors
/// [`Code::InvalidArgument`] then, and whatever keeps `unsorted` from being answered.
pub async fn fits(server: &Kubectl, unsorted: Request<'_>, call: &Call) -> Result<()> {
    let mut there = 0_u64;
    server.run(unsorted.stdout(Capture::lines(LINE_MAX, |_| there += 1)), call).await?;
    if there == 0 {
        return Ok(());
    }
    Err(ToolError::invalid(format!("sort_by names a field that none of the {there} objects has"))
        .hint("leave sort_by out, or look at one object with output=yaml for the path"))
}

/// Whether a path to sort Secrets by leads to what everybody may see: plain fields below metadata, annotations not among them.
fn is_harmless(path: &str) -> bool {
    let path = path.trim_start_matches('{').trim_end_matches('}').trim_start_matches('.');
    let plain = path.split('.').all(|field| !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric()));
    plain
        && (path == "type"
            || path.starts_with("metadata.") && !path.contains("annotations") && !path.contains("managedFields"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_secret_values_is_not_told() {
        for (sort, allowed) in [
            (".metadata.name", true),
            ("{.metadata.creationTimestamp}", true),
            (".type", true),
            (".data.password", false),
            ("{.metadata.annotations.x}", false),
            (".metadata.name}{.data.a", false),
            ("{..password}", false),
            (".metadata..data", false),
            ("metadata['x']", false),
        ] {
            for resource in ["secrets", "Secret", "pods,secrets.v1."] {
                let resource = Resource::new(resource, None).unwrap();
                assert_eq!(read(sort, &resource).is_ok(), allowed, "{resource:?} {sort}");
            }
            assert!(read(sort, &Resource::new("pods", None).unwrap()).is_ok());
        }
    }
}
