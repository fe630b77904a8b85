//! When the app ends: a pure state machine over windows, operations and the tray.
//!
//! Nothing that runs is interrupted silently: with operations under way, Quit hides the app and it ends when they do; a second Quit
//! ends it at once.

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Go on.
    Stay,
    /// Go on without a window, and end when nothing runs any more.
    EndLater,
    /// End.
    End,
}

/// Whether the app is about to end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    ending: bool,
    /// How often the window was wanted.
    openings: u64,
}

impl Life {
    /// Whether it ends as soon as nothing runs.
    pub(crate) fn ends_later(self) -> bool {
        self.ending
    }

    /// What [`Life::window_closed`] wants to know of the moment in which the user closed the window.
    pub(crate) fn closing(self) -> u64 {
        self.openings
    }

    /// The last window was closed; `None` when the user has wanted it again since. `keep` if the user wants the app to stay in the tray and there is one; `works` if operations run
    /// in this process.
    pub(crate) fn window_closed(&mut self, closing: u64, keep: bool, works: bool) -> Option<Next> {
        if closing != self.openings {
            return None;
        }
        Some(if keep && !self.ending { Next::Stay } else { self.end(works) })
    }

    /// The user chose Quit.
    pub(crate) fn quit(&mut self, works: bool) -> Next {
        if self.ending { Next::End } else { self.end(works) }
    }

    /// The user wants the window.
    pub(crate) fn window_opened(&mut self) {
        self.ending = false;
        self.openings += 1;
    }

    /// Something may have ended.
    pub(crate) fn changed(self, works: bool) -> Next {
        if self.ending && !works { Next::End } else { Next::Stay }
    }

    fn end(&mut self, works: bool) -> Next {
        self.ending = works;
        if works { Next::EndLater } else { Next::End }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_keeps_the_tray_where_there_is_one() {
        assert_eq!(Life::default().window_closed(0, true, false), Some(Next::Stay));
        assert_eq!(Life::default().window_closed(0, false, false), Some(Next::End));
    }

    #[test]
    fn what_runs_is_waited_for_and_a_second_quit_does_not_wait() {
        let mut life = Life::default();
        assert_eq!(life.quit(true), Next::EndLater);
        assert_eq!(life.changed(true), Next::Stay);
        assert_eq!(life.quit(true), Next::End);
    }

    #[test]
    fn it_ends_with_what_it_waited_for() {
        let mut life = Life::default();
        assert_eq!(life.window_closed(0, false, true), Some(Next::EndLater));
        assert_eq!(life.changed(true), Next::Stay);
        assert_eq!(life.changed(false), Next::End);
    }

    #[test]
    fn closing_the_hidden_window_again_does_not_hurry_it() {
        let mut life = Life::default();
        life.quit(true);
        assert_eq!(life.window_closed(0, true, true), Some(Next::EndLater));
    }

    #[test]
    fn who_opens_the_window_wants_it_to_go_on() {
        let mut life = Life::default();
        life.quit(true);
        life.window_opened();
        assert_eq!(life.changed(false), Next::Stay);
        assert_eq!(life.window_closed(life.closing(), true, false), Some(Next::Stay));
    }

    #[test]
    fn a_window_that_is_wanted_again_while_it_closes_stays() {
        let mut life = Life::default();
        let closing = life.closing();
        life.window_opened();
        assert_eq!(life.window_closed(closing, false, false), None);
    }
}
