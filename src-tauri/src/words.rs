//! The words of what is native: the tray's menu and the notifications. The window's own words are in `ui/src/i18n`, and the same things
//! are called the same there.

use codchi_controller::{
    driver::DriverKind,
    operation::{OperationKind, Phase},
    settings::Language,
};

/// A catalogue. A language that lacks a text doesn't compile.
pub(crate) struct Words {
    pub(crate) reading: &'static str,
    pub(crate) no_machines: &'static str,
    pub(crate) none_running: &'static str,
    pub(crate) more_machines: &'static str,
    pub(crate) open_terminal: &'static str,
    pub(crate) open_in_codchi: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) start: &'static str,
    pub(crate) stop: &'static str,
    pub(crate) restart: &'static str,
    pub(crate) new_machine: &'static str,
    pub(crate) open_codchi: &'static str,
    pub(crate) quit: &'static str,
    pub(crate) quit_now: &'static str,
    pub(crate) preparing: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) states: States,
    pub(crate) reasons: Reasons,
    pub(crate) notices: Notices,
    kinds: fn(OperationKind) -> &'static str,
    phases: fn(Phase) -> &'static str,
    running: fn(usize) -> String,
    need_you: fn(usize) -> String,
    problems: fn(usize) -> String,
}

/// What a machine does.
pub(crate) struct States {
    pub(crate) draft: &'static str,
    pub(crate) starting: &'static str,
    pub(crate) running: &'static str,
    pub(crate) stopping: &'static str,
    pub(crate) stopped: &'static str,
    pub(crate) broken: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) build_failed: &'static str,
    pub(crate) creation_failed: &'static str,
    pub(crate) start_failed: &'static str,
    pub(crate) stop_failed: &'static str,
    pub(crate) deletion_failed: &'static str,
    pub(crate) renaming_failed: &'static str,
    pub(crate) export_failed: &'static str,
}

/// Why an entry is disabled.
pub(crate) struct Reasons {
    pub(crate) running: &'static str,
    pub(crate) not_running: &'static str,
    pub(crate) not_built: &'static str,
    pub(crate) busy: &'static str,
    pub(crate) offline: &'static str,
}

/// Notifications; `{}` is the machine.
pub(crate) struct Notices {
    pub(crate) created: &'static str,
    pub(crate) rebuilt: &'static str,
    pub(crate) rebuilt_text: &'static str,
    pub(crate) unchanged: &'static str,
    pub(crate) generation: &'static str,
    pub(crate) not_built: &'static str,
    pub(crate) not_started: &'static str,
    pub(crate) not_stopped: &'static str,
    pub(crate) not_deleted: &'static str,
    pub(crate) not_renamed: &'static str,
    pub(crate) not_exported: &'static str,
    pub(crate) interrupted: &'static str,
    pub(crate) controller_interrupted: &'static str,
    pub(crate) fix_interrupted: &'static str,
    pub(crate) waits: &'static str,
    pub(crate) waits_text: &'static str,
    pub(crate) waits_secret: &'static str,
    pub(crate) waits_secret_of: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) controller_failed: &'static str,
    pub(crate) fix_failed: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) no_terminal: &'static str,
    pub(crate) no_terminal_text: &'static str,
    pub(crate) ends_later: &'static str,
    pub(crate) ends_later_text: &'static str,
    pub(crate) open: &'static str,
}

impl Words {
    /// The catalogue for what the settings say and, where they leave it to the system, for `locale` (such as `de-AT`).
    pub(crate) fn of(language: Language, locale: Option<&str>) -> &'static Self {
        let system_is_german = || {
            locale.and_then(|l| l.split(['-', '_', '.']).next()).is_some_and(|l| l.eq_ignore_ascii_case("de"))
        };
        match language {
            Language::De => &GERMAN,
            Language::System if system_is_german() => &GERMAN,
            Language::En | Language::System => &ENGLISH,
        }
    }

    /// "Rebuilding", "Starting" …
    pub(crate) fn kind(&self, kind: OperationKind) -> &'static str {
        (self.kinds)(kind)
    }

    /// The phase in the middle of a line.
    pub(crate) fn phase(&self, phase: Phase) -> &'static str {
        (self.phases)(phase)
    }

    /// "2 running".
    pub(crate) fn running(&self, count: usize) -> String {
        (self.running)(count)
    }

    /// "1 needs you".
    pub(crate) fn need_you(&self, count: usize) -> String {
        (self.need_you)(count)
    }

    /// "Doctor: 2 checks need you".
    pub(crate) fn problems(&self, count: usize) -> String {
        (self.problems)(count)
    }

    /// The engine by its name.
    pub(crate) fn engine(&self, driver: DriverKind) -> &'static str {
        match driver {
            DriverKind::Lxd => "LXD",
            DriverKind::Incus => "Incus",
            DriverKind::Wsl => "WSL",
            DriverKind::Fake => self.engine,
        }
    }
}

/// Puts `name` where the text has its `{}`.
pub(crate) fn with(text: &str, name: impl std::fmt::Display) -> String {
    text.replacen("{}", &name.to_string(), 1)
}

static ENGLISH: Words = Words {
    reading: "Reading machines…",
    no_machines: "No machines yet",
    none_running: "None running",
    more_machines: "More machines ({})",
    open_terminal: "Open terminal",
    open_in_codchi: "Open in Codchi",
    answer: "Answer…",
    start: "Start",
    stop: "Stop",
    restart: "Restart",
    new_machine: "New machine…",
    open_codchi: "Open Codchi",
    quit: "Quit",
    quit_now: "Quit now, interrupting what runs",
    preparing: "Getting this computer ready",
    no_answer: "{} does not answer",
    engine: "The engine",
    states: States {
        draft: "Draft",
        starting: "Starting",
        running: "Running",
        stopping: "Stopping",
        stopped: "Stopped",
        broken: "Broken",
        unknown: "Unknown",
        waiting: "Waiting for input",
        build_failed: "Build failed",
        creation_failed: "Creation failed",
        start_failed: "Start failed",
        stop_failed: "Stop failed",
        deletion_failed: "Deletion failed",
        renaming_failed: "Renaming failed",
        export_failed: "Export failed",
    },
    reasons: Reasons {
        running: "running",
        not_running: "not running",
        not_built: "not built yet",
        busy: "busy",
        offline: "no answer",
    },
    notices: Notices {
        created: "{} is ready",
        rebuilt: "{} was rebuilt",
        rebuilt_text: "The new system is active.",
        unchanged: "Nothing had changed.",
        generation: "Generation {} is active.",
        not_built: "{} did not build",
        not_started: "{} did not start",
        not_stopped: "{} did not stop",
        not_deleted: "{} was not deleted",
        not_renamed: "{} was not renamed",
        not_exported: "{} was not exported",
        interrupted: "The work on {} was interrupted",
        controller_interrupted: "Making this computer ready was interrupted",
        fix_interrupted: "Fixing this computer was interrupted",
        waits: "{} needs an answer",
        waits_text: "It waits until you answer.",
        waits_secret: "Secret {}",
        waits_secret_of: "Secret {}, asked by module {}",
        answer: "Answer…",
        controller_failed: "This computer could not be made ready",
        fix_failed: "This computer could not be fixed",
        refused: "{}: that is not possible now",
        no_terminal: "No terminal was found",
        no_terminal_text: "Install one, or run codchi exec {} in any terminal.",
        ends_later: "Codchi ends when the work is done",
        ends_later_text: "Choose Quit once more to end it now.",
        open: "Open",
    },
    kinds: |kind| match kind {
        OperationKind::Create => "Creating",
        OperationKind::Rebuild => "Rebuilding",
        OperationKind::Start => "Starting",
        OperationKind::Stop => "Stopping",
        OperationKind::Restart => "Restarting",
        OperationKind::Delete => "Deleting",
        OperationKind::Rename => "Renaming",
        OperationKind::Export => "Exporting",
        OperationKind::InstallController => "Getting ready",
        OperationKind::Fix => "Fixing",
    },
    phases: |phase| match phase {
        Phase::Resolve => "resolve",
        Phase::Requirements => "requirements",
        Phase::Check => "check",
        Phase::Ask => "ask",
        Phase::Build => "build",
        Phase::Review => "review",
        Phase::Switch => "switch",
        Phase::Finish => "finish",
        Phase::Prepare => "prepare",
        Phase::Stop => "stop",
        Phase::Start => "start",
        Phase::Remove => "remove",
        Phase::Rename => "move",
        Phase::Export => "write",
        Phase::Fix => "fix",
        Phase::Verify => "check again",
    },
    running: |count| format!("{count} running"),
    need_you: |count| if count == 1 { "1 needs you".to_owned() } else { format!("{count} need you") },
    problems: |count| match count {
        1 => "Doctor: 1 check needs you".to_owned(),
        _ => format!("Doctor: {count} checks need you"),
    },
};

static GERMAN: Words = Words {
    reading: "Maschinen werden gelesen …",
    no_machines: "Noch keine Maschinen",
    none_running: "Keine läuft",
    more_machines: "Weitere Maschinen ({})",
    open_terminal: "Terminal öffnen",
    open_in_codchi: "In Codchi öffnen",
    answer: "Beantworten …",
    start: "Starten",
    stop: "Stoppen",
    restart: "Neu starten",
    new_machine: "Neue Maschine …",
    open_codchi: "Codchi öffnen",
    quit: "Beenden",
    quit_now: "Jetzt beenden und Laufendes unterbrechen",
    preparing: "Dieser Computer wird vorbereitet",
    no_answer: "{} antwortet nicht",
    engine: "Die Engine",
    states: States {
        draft: "Entwurf",
        starting: "Startet",
        running: "Läuft",
        stopping: "Wird gestoppt",
        stopped: "Gestoppt",
        broken: "Defekt",
        unknown: "Unbekannt",
        waiting: "Wartet auf Eingabe",
        build_failed: "Build fehlgeschlagen",
        creation_failed: "Erstellen fehlgeschlagen",
        start_failed: "Start fehlgeschlagen",
        stop_failed: "Stopp fehlgeschlagen",
        deletion_failed: "Löschen fehlgeschlagen",
        renaming_failed: "Umbenennen fehlgeschlagen",
        export_failed: "Export fehlgeschlagen",
    },
    reasons: Reasons {
        running: "läuft",
        not_running: "läuft nicht",
        not_built: "noch nicht erstellt",
        busy: "beschäftigt",
        offline: "keine Antwort",
    },
    notices: Notices {
        created: "{} ist bereit",
        rebuilt: "{} wurde neu erstellt",
        rebuilt_text: "Das neue System ist aktiv.",
        unchanged: "Es hatte sich nichts geändert.",
        generation: "Generation {} ist aktiv.",
        not_built: "{} konnte nicht erstellt werden",
        not_started: "{} ist nicht gestartet",
        not_stopped: "{} wurde nicht gestoppt",
        not_deleted: "{} wurde nicht gelöscht",
        not_renamed: "{} wurde nicht umbenannt",
        not_exported: "{} wurde nicht exportiert",
        interrupted: "Die Arbeit an {} wurde unterbrochen",
        controller_interrupted: "Die Vorbereitung dieses Computers wurde unterbrochen",
        fix_interrupted: "Die Reparatur dieses Computers wurde unterbrochen",
        waits: "{} braucht eine Antwort",
        waits_text: "Es wartet auf Ihre Antwort.",
        waits_secret: "Geheimnis {}",
        waits_secret_of: "Geheimnis {}, erfragt vom Modul {}",
        answer: "Beantworten …",
        controller_failed: "Dieser Computer konnte nicht vorbereitet werden",
        fix_failed: "Dieser Computer konnte nicht repariert werden",
        refused: "{}: das geht gerade nicht",
        no_terminal: "Es wurde kein Terminal gefunden",
        no_terminal_text: "Installieren Sie eines, oder führen Sie codchi exec {} in einem beliebigen Terminal aus.",
        ends_later: "Codchi endet, sobald die Arbeit getan ist",
        ends_later_text: "Noch einmal „Beenden“ beendet es sofort.",
        open: "Öffnen",
    },
    kinds: |kind| match kind {
        OperationKind::Create => "Wird erstellt",
        OperationKind::Rebuild => "Wird neu erstellt",
        OperationKind::Start => "Startet",
        OperationKind::Stop => "Wird gestoppt",
        OperationKind::Restart => "Wird neu gestartet",
        OperationKind::Delete => "Wird gelöscht",
        OperationKind::Rename => "Wird umbenannt",
        OperationKind::Export => "Wird exportiert",
        OperationKind::InstallController => "Wird vorbereitet",
        OperationKind::Fix => "Wird repariert",
    },
    phases: |phase| match phase {
        Phase::Resolve => "auflösen",
        Phase::Requirements => "Anforderungen",
        Phase::Check => "prüfen",
        Phase::Ask => "fragen",
        Phase::Build => "bauen",
        Phase::Review => "vergleichen",
        Phase::Switch => "umschalten",
        Phase::Finish => "abschließen",
        Phase::Prepare => "vorbereiten",
        Phase::Stop => "stoppen",
        Phase::Start => "starten",
        Phase::Remove => "entfernen",
        Phase::Rename => "umziehen",
        Phase::Export => "schreiben",
        Phase::Fix => "reparieren",
        Phase::Verify => "erneut prüfen",
    },
    running: |count| if count == 1 { "1 läuft".to_owned() } else { format!("{count} laufen") },
    need_you: |count| {
        if count == 1 { "1 wartet auf Sie".to_owned() } else { format!("{count} warten auf Sie") }
    },
    problems: |count| match count {
        1 => "Diagnose: 1 Prüfung braucht Sie".to_owned(),
        _ => format!("Diagnose: {count} Prüfungen brauchen Sie"),
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_decides_where_the_settings_do_not() {
        let quit = |language, locale| Words::of(language, locale).quit;
        assert_eq!(quit(Language::System, Some("de-AT")), "Beenden");
        assert_eq!(quit(Language::System, Some("de_DE.UTF-8")), "Beenden");
        assert_eq!(quit(Language::System, Some("den")), "Quit");
        assert_eq!(quit(Language::System, None), "Quit");
        assert_eq!(quit(Language::En, Some("de-DE")), "Quit");
        assert_eq!(quit(Language::De, Some("en-US")), "Beenden");
    }
}
