//! What is said of each sort of alert, in each part of its life.

use serde_json::{Value, json};

use super::{reason, short_subject, subject};

fn alert(kind: &str, status: &str, level: &str, details: &Value) -> Value {
    json!({ "kind": kind, "status": status, "level": level, "details": details,
        "evidence": [{ "type": "stage.entered" }] })
}

fn stalled(status: &str, level: &str, elapsed: &str, closed_by: Option<&str>) -> String {
    let mut details = json!({ "stage": "risk_review", "elapsed": elapsed, "limit": "5d" });
    if let Some(event) = closed_by {
        details["closed_by"] = json!(event);
    }
    reason(&alert("application_stalled", status, level, &details))
}

#[test]
fn a_stalled_application_is_told_through_its_life() {
    let entered = Some("stage.entered");
    assert_eq!(
        stalled("raised", "at_risk", "4d", None),
        "in risk_review for 4d of 5d allowed"
    );
    assert_eq!(
        stalled("updated", "breached", "5d", None),
        "in risk_review for 5d, the limit"
    );
    assert_eq!(
        stalled("resolved", "breached", "6d 2h", entered),
        "stage.entered came after 6d 2h, the limit is 5d"
    );
    assert_eq!(
        stalled("expired", "breached", "7d", Some("application.withdrawn")),
        "application.withdrawn came first, after 7d: nothing more is expected"
    );
    assert_eq!(
        stalled("corrected", "breached", "4d", entered),
        "a late stage.entered shows that it should not have been raised"
    );
    assert_eq!(
        stalled("held", "breached", "5d", None),
        "held back while a feed that it depends on is unhealthy"
    );
}

#[test]
fn each_kind_that_ships_has_words_of_its_own_and_any_other_names_its_event() {
    let details = json!({ "elapsed": "1d", "limit": "1d" });
    let said = |kind: &str| reason(&alert(kind, "raised", "breached", &details));
    assert_eq!(said("enquiry_unanswered"), "no answer for 1d, the limit");
    assert_eq!(said("complaint_unresolved"), "unresolved for 1d, the limit");
    assert_eq!(
        said("application_quiet"),
        "nothing has happened for 1d, the limit"
    );
    assert_eq!(
        said("customer_quiet"),
        "nothing heard from the customer for 1d, the limit"
    );
    assert_eq!(
        said("review_overdue"),
        "what should follow stage.entered is missing for 1d, the limit"
    );
}

#[test]
fn a_respondent_who_turned_is_told_with_both_answers() {
    let details =
        json!({ "respondent": "C0005-owner", "scores": "9, 4", "touchpoint": "onboarding" });
    let said = |status| reason(&alert("promoter_turned_detractor", status, "", &details));
    assert_eq!(
        said("raised"),
        "C0005-owner answered 9, then 4 about onboarding"
    );
    assert_eq!(
        said("expired"),
        "C0005-owner answered 9, then 4 about onboarding, and is followed no longer"
    );
    assert_eq!(
        said("corrected"),
        "a late event shows that it should not have been raised"
    );
}

#[test]
fn a_shift_is_told_with_what_it_is_held_against() {
    let raised = json!({ "direction": "fall", "instrument": "NPS", "nps": "12.5", "replies": "88",
        "reference": "25.0", "reference_kind": "estimated" });
    assert_eq!(
        reason(&alert("nps_shift", "raised", "", &raised)),
        "NPS fell to 12.5 over 88 replies, held against 25.0, what was learnt before"
    );
    let settled = json!({ "direction": "fall", "instrument": "NPS", "nps": "11.0", "replies": "500",
        "low": "4.2", "high": "17.8", "reference_kind": "estimated" });
    assert_eq!(
        reason(&alert("nps_shift", "resolved", "", &settled)),
        "NPS has settled at 11.0 (4.2 to 17.8) over 500 replies"
    );
}

#[test]
fn an_alert_of_an_unknown_sort_is_told_by_its_details_and_an_empty_one_by_nothing() {
    let details = json!({ "channel": "web", "share": "0.4" });
    assert_eq!(
        reason(&alert("bias_suspected", "raised", "", &details)),
        "channel web, share 0.4"
    );
    assert_eq!(reason(&json!({})), "");
    assert_eq!(subject(&json!({})), "");
}

#[test]
fn an_alert_names_a_customer_with_what_it_is_about_or_a_cohort() {
    let one = json!({ "customer_id": "C0051", "application_id": "loan-1", "case_id": null,
        "cohort": null });
    assert_eq!(subject(&one), "customer C0051, application loan-1");
    let many =
        json!({ "customer_id": null, "cohort": { "dimension": "branch", "value": "harbour" } });
    assert_eq!(subject(&many), "cohort branch=harbour");
}

#[test]
fn a_subject_is_told_with_and_without_what_it_is() {
    let customer = json!({ "customer_id": "C0051", "application_id": "loan-1" });
    assert_eq!(subject(&customer), "customer C0051, application loan-1");
    assert_eq!(short_subject(&customer), "C0051 loan-1");
    let cohort = json!({ "cohort": { "dimension": "branch", "value": "17" } });
    assert_eq!(subject(&cohort), "cohort branch=17");
    assert_eq!(short_subject(&cohort), "branch=17");
}

#[test]
fn what_strangers_have_typed_neither_ends_the_line_nor_moves_the_cursor() {
    let details = json!({ "respondent": "\u{1b}[2J\n", "scores": "9, 4" });
    let said = reason(&alert("promoter_turned_detractor", "raised", "", &details));
    assert_eq!(said, "\u{FFFD}[2J\u{FFFD} answered 9, then 4");
}
