//! Is the clock right enough for certificates, and the controller's the same.

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};

use crate::doctor::{
    CheckGroup,
    finding::{Finding, Subject},
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "clock", group: CheckGroup::Controller, title: "Clock" };

/// This release was made later.
const MADE: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

/// How far two clocks may be apart: asking takes a moment.
const APART: i64 = 5;

/// `controller` is its clock in seconds since 1970 with this computer's at that moment.
pub(in crate::doctor) fn check(now: OffsetDateTime, controller: Option<(i64, i64)>) -> Finding {
    let whole = now.replace_nanosecond(0).unwrap_or(now);
    let shown = whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string());
    let finding = if now < MADE {
        Finding::fail("past", "This computer's clock is wrong: no certificate is valid yet at {now}. Set it.")
    } else {
        match controller {
            Some((its, ours)) if (its - ours).abs() > APART => {
                Finding::fail("apart", "The controller's clock is {seconds} s away from this computer's. Restart WSL, or this computer.")
                    .with("seconds", (its - ours).abs().to_string())
            }
            _ => Finding::ok("right", "It is plausible."),
        }
    };
    finding.with("now", &shown).seen(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_and_a_clock_of_its_own_are_seen() {
        let now = datetime!(2027-01-01 00:00 UTC);
        assert_eq!(check(now, None).reason, "right");
        assert_eq!(check(now, Some((100, 103))).reason, "right");
        assert_eq!(check(now, Some((100, 110))).reason, "apart");
        assert_eq!(check(datetime!(1970-01-01 00:01 UTC), Some((60, 60))).reason, "past");
    }
}
