//! A judged release: one model, [`Told`], and a renderer for each who reads it.

mod html;
mod issue;
mod rollback;
mod terminal;
mod told;

pub use self::{
    html::html,
    issue::issues,
    rollback::rollback,
    terminal::terminal,
    told::{CheckTold, Counts, IdleWaiver, MemberTold, PlaceTold, Row, Told, WaiverTold, schema},
};

use crate::report::text::pretty_json;

/// What is told, as JSON.
pub fn json(told: &Told) -> String {
    pretty_json(told)
}

#[cfg(test)]
mod tests {
    use counterfoil_core::{
        mutants::{RELEASES, good_release},
        release::{Case, Facts, Known, Release, assess},
        scenario::{Date, Span},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::report::layout::Layout;

    fn told(alter: impl FnOnce(&mut Release, &mut Facts)) -> Told {
        let (mut release, mut facts) = good_release();
        alter(&mut release, &mut facts);
        let case = Case { release: &release, facts: &facts };
        let (checks, verdict) = assess(case);
        Told::of(case, &checks, verdict)
    }

    /// A release with some defects, one of them let through.
    fn defective() -> Told {
        told(|release, facts| {
            for name in ["tag-misplaced", "precondition-unconfirmed", "suite-broken", "bump-of-another-part"]
            {
                let mutant = RELEASES.iter().find(|mutant| mutant.name == name).expect("it is one");
                (mutant.alter)(release, facts);
            }
            release.waivers.push(counterfoil_core::release::Waiver {
                check: "REL-010",
                member: None,
                contains: Some("RPC-001".to_owned()),
                reason: "Nobody calls it".to_owned(),
                approver: "the lead".to_owned(),
                expires: Date::parse("2026-06-01").expect("a day"),
                span: Span::default(),
            });
            release.waivers.push(counterfoil_core::release::Waiver {
                contains: Some("RPC-0001".to_owned()),
                ..release.waivers[0].clone()
            });
            facts.plugins[1].platforms.values_mut().for_each(|artefact| {
                artefact.tested = Known::Unknown("of a test".to_owned());
            });
        })
    }

    #[test]
    fn a_release_is_told_on_a_terminal() {
        insta::with_settings!({ snapshot_path => "../../../../golden/reports", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("cutover-go", terminal(&told(|_, _| {}), false, Layout::of(100)));
            insta::assert_snapshot!("cutover-no-go", terminal(&defective(), false, Layout::of(100)));
            insta::assert_snapshot!("cutover-narrow", terminal(&defective(), true, Layout::of(50)).lines().take(40).collect::<Vec<_>>().join("\n"));
        });
    }

    #[test]
    fn who_owes_something_gets_an_issue_and_nobody_else() {
        let told = defective();
        let issues = issues(&told);
        let of: Vec<_> = issues.iter().map(|(member, _)| member.map(|member| &*member.name)).collect();
        assert_eq!(of, [None, Some("workflow-plugin-one"), Some("workflow-plugin-two")]);
        insta::with_settings!({ snapshot_path => "../../../../golden/reports", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("cutover-issue", issues[1].1);
        });
        assert!(!issues[1].1.contains("RPC-001"), "what is let through is owed by nobody");
        let untested = issues[2].1.lines().filter(|line| line.starts_with("- [ ] ")).count();
        assert_eq!(untested, 2, "what many rules say in the same words is told once: {}", issues[2].1);
    }

    #[test]
    fn each_reason_belongs_to_a_repository_in_every_report() {
        let told = defective();
        let page = html(&told);
        let value: serde_json::Value = serde_json::from_str(&json(&told)).expect("it is JSON");
        assert_eq!(value["verdict"], "no-go");
        for check in told.checks.iter().filter(|check| !check.holds()) {
            assert!(page.contains(check.rule), "{}", check.rule);
            let repository = check.repository.as_deref().unwrap_or("The release as a whole");
            assert!(page.contains(repository), "{repository}");
        }
    }

    const ESCAPE: char = '\u{1b}';

    proptest! {
        #[test]
        fn no_text_of_others_is_markup(text in "\\PC{0,40}") {
            let hostile = format!("<script>{text}</script>{{{{style}}}}\u{1b}[31m");
            let told = told(|release, facts| {
                release.title = hostile.clone();
                release.plugins[0].name = hostile.clone();
                release.plugins[0].repository = hostile.clone();
                release.preconditions[0].text = hostile.clone();
                release.preconditions[0].confirmed = None;
                let _ = facts;
            });
            let (page, shown) = (html(&told), terminal(&told, true, Layout::ENDLESS));
            prop_assert!(!page.contains(ESCAPE), "{}", page);
            prop_assert!(!page.contains("<script"), "{}", page);
            // The styles of the report itself are no text of others.
            prop_assert!(!shown.contains(&format!("style}}}}{ESCAPE}")), "{}", shown);
            for (_, issue) in issues(&told) {
                prop_assert!(!issue.contains("<script"), "{}", issue);
            }
        }
    }
}
