//! The clipboard for secrets: what is copied is out of it again after a while, also when the window is closed by then.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arboard::Clipboard;
use zeroize::Zeroizing;

/// So long a secret stays.
const STAYS: Duration = Duration::from_secs(30);

/// Holds what was copied last, because on X11 and Wayland who copies is asked for it by who pastes.
#[derive(Clone, Default)]
pub(crate) struct SecretClipboard(Arc<Mutex<Option<Held>>>);

struct Held {
    clipboard: Clipboard,
    text: Zeroizing<String>,
    /// Which copy it is.
    turn: u64,
}

impl SecretClipboard {
    /// Copies `text`, and takes it back later if it is still there.
    ///
    /// # Errors
    /// When the desktop has no clipboard.
    pub(crate) fn copy(&self, text: &str) -> Result<(), arboard::Error> {
        let mut clipboard = Clipboard::new()?;
        hidden(clipboard.set()).text(text.to_owned())?;
        let turn = {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = held.as_ref().map_or(0, |held| held.turn.wrapping_add(1));
            *held = Some(Held { clipboard, text: Zeroizing::new(text.to_owned()), turn });
            turn
        };
        let this = self.clone();
        tauri::async_runtime::spawn(async move {
            tokio::time::sleep(STAYS).await;
            this.take_back(turn);
        });
        Ok(())
    }

    fn take_back(&self, turn: u64) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut held) = place.take_if(|held| held.turn == turn) else { return };
        // Something else may have been copied since, which is not ours to clear.
        let still = held.clipboard.get_text().map(Zeroizing::new).is_ok_and(|text| text == held.text);
        if still && let Err(error) = held.clipboard.clear() {
            tracing::warn!(%error, "the clipboard could not be cleared");
        }
    }
}

/// Tells programs that remember what was copied not to remember this.
#[cfg(all(unix, not(target_os = "macos")))]
fn hidden(set: arboard::Set<'_>) -> arboard::Set<'_> {
    use arboard::SetExtLinux as _;
    set.exclude_from_history()
}

#[cfg(windows)]
fn hidden(set: arboard::Set<'_>) -> arboard::Set<'_> {
    use arboard::SetExtWindows as _;
    set.exclude_from_cloud().exclude_from_history()
}
