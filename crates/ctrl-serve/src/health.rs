//! The controller's health as one JSON object in a file: written by PID 1 at every change, read by
//! `ctrl-serve health` and the waits. The file lies on the tmpfs of this boot, so it is never of an earlier one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where PID 1 writes it.
pub(crate) const FILE: &str = "/run/codchi/health.json";

/// The controller's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// Whether nix-daemon answered after its last start.
    pub(crate) ready: bool,
    /// This binary's release.
    pub(crate) version: String,
    /// The version nix-daemon told, once it has.
    pub(crate) nix: Option<String>,
    /// The supervised daemon.
    pub(crate) daemon: DaemonHealth,
}

/// The supervised nix-daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DaemonHealth {
    /// `starting`, `running`, `back-off`, `stopping` or `stopped`.
    pub(crate) state: String,
    /// Its process id, inside the container.
    pub(crate) pid: Option<i32>,
    /// How often it was started again since the controller started.
    pub(crate) restarts: u32,
    /// How it ended last, or why it could not be started.
    pub(crate) last_exit: Option<String>,
}

impl Health {
    /// The health of a controller whose PID 1 has not written any yet.
    pub(crate) fn down() -> Self {
        Health {
            ready: false,
            version: env!("CARGO_PKG_VERSION").into(),
            nix: None,
            daemon: DaemonHealth { state: "starting".into(), pid: None, restarts: 0, last_exit: None },
        }
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|e| format!("{{\"ready\":false,\"error\":\"{e}\"}}"))
    }

    /// Writes it to `file` so that a reader sees the old or the new one, never a part.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let new = file.with_extension("json.new");
        let mut out = fs::File::create(&new)?;
        writeln!(out, "{}", self.to_json())?;
        fs::rename(&new, file)
    }
}

/// Reads `file`; without one, or with a damaged one, the controller is not up.
pub(crate) fn read_or_down(file: &Path) -> Health {
    fs::read(file).ok().and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_else(Health::down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_has_the_documented_shape() {
        let mut h = Health::down();
        h.nix = Some("2.26.3".into());
        h.daemon.last_exit = Some("signal 9".into());
        let v: serde_json::Value = serde_json::from_str(&h.to_json()).unwrap();
        assert_eq!(
            v,
            serde_json::json!({
                "ready": false, "version": env!("CARGO_PKG_VERSION"), "nix": "2.26.3",
                "daemon": {"state": "starting", "pid": null, "restarts": 0, "lastExit": "signal 9"}
            })
        );
    }

    #[test]
    fn written_and_read_again_and_damage_means_down() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("health.json");
        assert_eq!(read_or_down(&file), Health::down());
        let mut h = Health::down();
        h.ready = true;
        h.write(&file).unwrap();
        assert_eq!(read_or_down(&file), h);
        fs::write(&file, "{\"ready\":tr").unwrap();
        assert_eq!(read_or_down(&file), Health::down());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }
}
