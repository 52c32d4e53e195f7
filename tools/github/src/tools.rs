//! The tools, a file and a line each: `github_get_pr` is `tools/get_pr.rs`. Clients see them in this order.

shared::tools! {
    crate::Github:
    read get_repo::GetRepo,
    read list_prs::ListPrs,
    read get_pr::GetPr,
    read get_pr_diff::GetPrDiff,
    read get_check_runs::GetCheckRuns,
    read list_issues::ListIssues,
    read get_issue::GetIssue,
    read list_branches::ListBranches,
    read get_workflow_runs::GetWorkflowRuns,
    write create_pr::CreatePr,
    write add_pr_comment::AddPrComment,
    write add_issue_comment::AddIssueComment,
}
