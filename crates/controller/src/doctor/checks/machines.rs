//! Do containers of machines have settings: what is wanted of one may have been lost.

use crate::{
    doctor::{
        CheckGroup,
        finding::{Finding, Subject, evidence},
    },
    error::Error,
    status::MachineStatus,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "machines", group: CheckGroup::Controller, title: "Machine settings" };

/// `strays` are those without; `None` when the engine can't be asked.
pub(in crate::doctor) fn check(strays: Option<Result<Vec<MachineStatus>, Error>>) -> Finding {
    let strays = match strays {
        None => return Finding::no_engine(),
        Some(Err(error)) => {
            return Finding::unknown("unread", "The machines' settings can't be read.")
                .seen(evidence(&error));
        }
        Some(Ok(strays)) => strays,
    };
    if strays.is_empty() {
        return Finding::ok("whole", "Every container of a machine has its settings.");
    }
    let names: Vec<&str> = strays.iter().map(|stray| stray.name.as_str()).collect();
    Finding::warn(
        "stray",
        "There are containers without settings: {names}. `codchi delete` removes one with all files in it.",
    )
    .with("names", names.join(", "))
}
