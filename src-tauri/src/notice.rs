//! Notifications of the desktop: what is worth one, and showing it.
//!
//! What the window tells is told only while it isn't in sight, and never that something went as the user just asked and saw; what
//! was chosen in the tray and can't be done is always told.

use codchi_controller::{
    failure::Failure,
    machine::MachineName,
    operation::{Operation, OperationKind, OperationState},
};

use crate::{
    page::Page,
    words::{Words, with},
};

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The line in bold.
    pub(crate) title: String,
    /// The sentence below it.
    pub(crate) text: String,
    /// What a click opens.
    pub(crate) page: Page,
    /// What its button says.
    pub(crate) button: &'static str,
}

impl Notice {
    /// What an operation that ended is worth telling: builds, and whatever failed.
    pub(crate) fn of_end(operation: &Operation, words: &Words) -> Option<Self> {
        let notices = &words.notices;
        let name = operation.machine.as_ref();
        let title = |text: &str| name.map_or_else(|| text.to_owned(), |name| with(text, name));
        let (title, text) = match (operation.state, operation.kind) {
            (OperationState::Succeeded, OperationKind::Create) => {
                (title(notices.created), activated(operation, words))
            }
            (OperationState::Succeeded, OperationKind::Rebuild) => {
                (title(notices.rebuilt), activated(operation, words))
            }
            (OperationState::Failed, OperationKind::InstallController) => {
                (notices.controller_failed.to_owned(), message(operation))
            }
            (OperationState::Failed, OperationKind::Fix) => {
                (notices.fix_failed.to_owned(), message(operation))
            }
            (OperationState::Failed, kind) => (title(not_done(kind, words)), message(operation)),
            (OperationState::Interrupted, OperationKind::InstallController) => {
                (notices.controller_interrupted.to_owned(), message(operation))
            }
            (OperationState::Interrupted, OperationKind::Fix) => {
                (notices.fix_interrupted.to_owned(), message(operation))
            }
            (OperationState::Interrupted, _) => (title(notices.interrupted), message(operation)),
            _ => return None,
        };
        Some(Self { title, text, page: Page::Operation(operation.id), button: notices.open })
    }

    /// That an operation waits for the user.
    pub(crate) fn of_question(operation: &Operation, words: &Words) -> Self {
        let notices = &words.notices;
        Self {
            title: with(notices.waits, operation.machine.as_ref().map_or("", |name| name.as_str())),
            text: asked(operation, words).unwrap_or_else(|| notices.waits_text.to_owned()),
            page: Page::Answer(operation.id),
            button: notices.answer,
        }
    }

    /// That something chosen in the tray was refused.
    pub(crate) fn of_refusal(name: &MachineName, failure: &Failure, words: &Words) -> Self {
        Self {
            title: with(words.notices.refused, name),
            text: sentence(failure),
            page: Page::Machine(name.clone()),
            button: words.notices.open,
        }
    }

    /// That there is no terminal to open.
    pub(crate) fn of_missing_terminal(name: &MachineName, words: &Words) -> Self {
        Self {
            title: words.notices.no_terminal.to_owned(),
            text: with(words.notices.no_terminal_text, name),
            page: Page::Machine(name.clone()),
            button: words.notices.open,
        }
    }

    /// That the app ends later.
    pub(crate) fn of_ending_later(words: &Words) -> Self {
        Self {
            title: words.notices.ends_later.to_owned(),
            text: words.notices.ends_later_text.to_owned(),
            page: Page::Machines,
            button: words.notices.open,
        }
    }
}

/// The one secret that is asked for; `None` when it is more or something else.
fn asked(operation: &Operation, words: &Words) -> Option<String> {
    let asks = operation.asks.as_ref()?;
    let [secret] = asks.secrets.as_slice() else { return None };
    if !asks.capabilities.is_empty() || !asks.host_secrets.is_empty() || asks.unlock.is_some() {
        return None;
    }
    Some(match &secret.module {
        Some(module) => with(&with(words.notices.waits_secret_of, &secret.name), module),
        None => with(words.notices.waits_secret, &secret.name),
    })
}

fn activated(operation: &Operation, words: &Words) -> String {
    match &operation.outcome {
        Some(outcome) if !outcome.changed => words.notices.unchanged.to_owned(),
        Some(outcome) => outcome.generation.map_or_else(
            || words.notices.rebuilt_text.to_owned(),
            |generation| with(words.notices.generation, generation),
        ),
        None => words.notices.rebuilt_text.to_owned(),
    }
}

fn not_done(kind: OperationKind, words: &Words) -> &'static str {
    match kind {
        OperationKind::Create
        | OperationKind::Rebuild
        | OperationKind::InstallController
        | OperationKind::Fix => words.notices.not_built,
        OperationKind::Start | OperationKind::Restart => words.notices.not_started,
        OperationKind::Stop => words.notices.not_stopped,
        OperationKind::Delete => words.notices.not_deleted,
        OperationKind::Rename => words.notices.not_renamed,
        OperationKind::Export => words.notices.not_exported,
    }
}

fn message(operation: &Operation) -> String {
    operation.failure.as_ref().map(sentence).unwrap_or_default()
}

/// A message may begin with a name, so its first letter stays as it is.
fn sentence(failure: &Failure) -> String {
    format!("{}.", failure.message)
}

/// Shows it, and calls `clicked` if the user clicks it. Returns at once: a notification daemon may take its time, and one that
/// doesn't run is no reason to wait for it.
pub(crate) fn show(notice: Notice, words: &'static Words, clicked: impl FnOnce(Page) + Send + 'static) {
    let thread = std::thread::Builder::new().name("notification".to_owned());
    let spawned = thread.spawn(move || {
        if let Err(error) = show_and_wait(&notice, words, clicked) {
            tracing::warn!(%error, title = notice.title, "the notification could not be shown");
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for a notification");
    }
}

/// The action of a click on the notification itself, and of its button.
#[cfg(all(unix, not(target_os = "macos")))]
const CLICK: &str = "default";
#[cfg(all(unix, not(target_os = "macos")))]
const BUTTON: &str = "open";

fn show_and_wait(
    notice: &Notice,
    words: &Words,
    clicked: impl FnOnce(Page) + Send + 'static,
) -> Result<(), notify_rust::error::Error> {
    let mut notification = notify_rust::Notification::new();
    notification.appname("Codchi").summary(&notice.title).body(&body(&notice.text));
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        let page = notice.page.clone();
        notification.icon("codchi-app").action(CLICK, words.notices.open).action(BUTTON, notice.button);
        notification.show()?.wait_for_action(|action| {
            if action == CLICK || action == BUTTON {
                clicked(page);
            }
        });
    }
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    {
        let _ = (words, clicked);
        notification.show()?;
    }
    Ok(())
}

/// Daemons that read markup would otherwise take a `<` in an error for a tag
/// (<https://specifications.freedesktop.org/notification-spec/latest/markup.html>).
#[cfg(all(unix, not(target_os = "macos")))]
fn body(text: &str) -> String {
    match notify_rust::get_capabilities() {
        Ok(capabilities) if capabilities.iter().any(|each| each == "body-markup") => {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        }
        _ => text.to_owned(),
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn body(text: &str) -> String {
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use codchi_controller::{
        failure::FailureCode,
        operation::{OperationOutcome, Phase},
        settings::Language,
    };

    use super::*;
    use crate::testing::{self, NOW};

    fn told(operation: &Operation) -> Option<(String, String)> {
        Notice::of_end(operation, Words::of(Language::En, None)).map(|notice| (notice.title, notice.text))
    }

    fn failed(kind: OperationKind, state: OperationState) -> Operation {
        let mut operation = testing::operation(kind, "hello");
        operation.enter(Phase::Build, NOW);
        let failure = Failure {
            code: FailureCode::Build,
            message: "billing-2.9.0 did not build".to_owned(),
            hints: vec![],
            causes: vec![],
            details: vec![],
        };
        operation.fail(state, failure, NOW);
        operation
    }

    fn succeeded(kind: OperationKind) -> Operation {
        let mut operation = testing::operation(kind, "hello");
        let outcome = OperationOutcome { changed: true, generation: Some(4), ..OperationOutcome::default() };
        operation.succeed(outcome, NOW);
        operation
    }

    fn pair(title: &str, text: &str) -> Option<(String, String)> {
        Some((title.to_owned(), text.to_owned()))
    }

    #[test]
    fn builds_are_told_however_they_end() {
        assert_eq!(
            told(&succeeded(OperationKind::Create)),
            pair("hello is ready", "Generation 4 is active.")
        );
        assert_eq!(
            told(&succeeded(OperationKind::Rebuild)),
            pair("hello was rebuilt", "Generation 4 is active.")
        );
        assert_eq!(
            told(&failed(OperationKind::Rebuild, OperationState::Failed)),
            pair("hello did not build", "billing-2.9.0 did not build.")
        );
    }

    #[test]
    fn what_went_as_asked_is_not_told() {
        assert_eq!(told(&succeeded(OperationKind::Stop)), None);
        assert_eq!(told(&failed(OperationKind::Rebuild, OperationState::Cancelled)), None);
    }

    #[test]
    fn a_question_names_the_machine_and_what_it_asks_for() {
        let words = Words::of(Language::En, None);
        let mut operation = testing::operation(OperationKind::Create, "hello");
        operation.state = OperationState::WaitingForInput;
        operation.asks = Some(testing::asks(&["token"]));
        let notice = Notice::of_question(&operation, words);
        assert_eq!(notice.title, "hello needs an answer");
        assert_eq!(notice.text, "Secret token, asked by module web");
        assert_eq!(notice.page, Page::Answer(operation.id));
        operation.asks = Some(testing::asks(&["token", "key"]));
        assert_eq!(Notice::of_question(&operation, words).text, "It waits until you answer.");
    }

    #[test]
    fn nothing_is_told_with_a_gap_in_it() {
        use OperationKind as Kind;
        use OperationState as State;
        let of_machines = [
            Kind::Create,
            Kind::Rebuild,
            Kind::Start,
            Kind::Stop,
            Kind::Restart,
            Kind::Delete,
            Kind::Rename,
            Kind::Export,
        ];
        let of_the_computer = [Kind::InstallController, Kind::Fix];
        for language in [Language::En, Language::De] {
            let words = Words::of(language, None);
            for kind in of_machines.into_iter().chain(of_the_computer) {
                for state in [State::Succeeded, State::Failed, State::Cancelled, State::Interrupted] {
                    let mut operation =
                        if state == State::Succeeded { succeeded(kind) } else { failed(kind, state) };
                    if of_the_computer.contains(&kind) {
                        operation.machine = None;
                    }
                    let notice = Notice::of_end(&operation, words);
                    let text = notice.map(|notice| notice.title + &notice.text).unwrap_or_default();
                    assert!(!text.contains("{}"), "{kind:?} {state:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn what_failed_is_told_whatever_it_was() {
        let title = |kind| told(&failed(kind, OperationState::Failed)).unwrap().0;
        assert_eq!(title(OperationKind::Start), "hello did not start");
        assert_eq!(title(OperationKind::Stop), "hello did not stop");
        assert_eq!(title(OperationKind::Delete), "hello was not deleted");
    }
}
