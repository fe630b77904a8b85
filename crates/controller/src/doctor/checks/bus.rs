//! Who listens on the session's bus: for notifications, and for tray icons.

use crate::{
    doctor::{
        CheckGroup,
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const NOTIFICATIONS: Subject =
    Subject { id: "notifications", group: CheckGroup::Desktop, title: "Notifications" };

pub(in crate::doctor) const TRAY: Subject =
    Subject { id: "tray", group: CheckGroup::Desktop, title: "Tray icon" };

/// Who may show notifications (Desktop Notifications Specification).
const NOTIFIER: &str = "org.freedesktop.Notifications";

/// Who shows tray icons (StatusNotifierItem).
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// The names on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Names {
    /// This session has no display: there is no desktop to look at.
    NoDesktop,
    /// There is a desktop, and its bus can't be asked.
    Unasked,
    /// Those there are now, and those that are started when somebody calls them.
    Known(Vec<String>),
}

/// Whether this session has a display.
pub(in crate::doctor) fn has_desktop(host: &dyn Host) -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| host.variable(name).is_some())
}

/// What asks the bus for names.
pub(in crate::doctor) fn list(method: &str) -> Vec<String> {
    let member = format!("org.freedesktop.DBus.{method}");
    [
        "dbus-send",
        "--session",
        "--print-reply=literal",
        "--reply-timeout=1000",
        "--dest=org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        &member,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The names in its answer.
pub(in crate::doctor) fn names(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .filter(|word| word.contains('.'))
        .map(str::to_owned)
        .collect()
}

pub(in crate::doctor) fn notifications(names: &Names) -> Finding {
    found(
        names,
        NOTIFIER,
        "Nothing on this desktop shows notifications. Install a notification daemon, such as dunst or mako.",
    )
}

pub(in crate::doctor) fn tray(names: &Names) -> Finding {
    found(
        names,
        WATCHER,
        "This desktop shows no tray icons. GNOME does with the extension AppIndicator; the window works without.",
    )
}

fn found(names: &Names, wanted: &str, missing: &'static str) -> Finding {
    match names {
        Names::NoDesktop => {
            Finding::ok("no_desktop", "This session has no desktop; the command line needs none.")
        }
        Names::Unasked => Finding::unknown("no_bus", "The session's bus can't be asked."),
        Names::Known(names) if names.iter().any(|name| name == wanted) => {
            Finding::ok("there", "The desktop shows them.").seen(wanted)
        }
        Names::Known(_) => Finding::warn("not_shown", missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_answer() {
        let lines = [
            "   array [".to_owned(),
            "      org.freedesktop.DBus      :1.7      org.freedesktop.Notifications   ]".into(),
        ];
        let known = Names::Known(names(&lines));
        assert_eq!(notifications(&known).reason, "there");
        assert_eq!(tray(&known).reason, "not_shown");
        assert_eq!(tray(&Names::NoDesktop).reason, "no_desktop");
        assert_eq!(tray(&Names::Unasked).reason, "no_bus");
    }
}
