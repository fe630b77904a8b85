//! The derivation that an operation is about to build. Any user of a machine may collect garbage between the evaluation that makes it and
//! the build that uses it, so a root keeps it until the operation is over.

use codchi_controller::{
    machine::MachineName,
    nix::{NixError, StorePath},
};
use tokio_util::sync::CancellationToken;

use super::{ControllerNix, exec::Input, failure};

/// Where the roots are, each by the name of its machine. They end with the controller, as operations that use it do.
const ROOTS: &str = "/nix/var/nix/gcroots/builds";

fn root_of(machine: &MachineName) -> String {
    format!("{ROOTS}/{machine}")
}

impl ControllerNix {
    /// Keeps a derivation; whether it is still there. Made anew when it isn't, it is kept from its beginning.
    ///
    /// Nix makes the link: a link of ours isn't seen by a collector that has already looked for them, but Nix tells a running one what it
    /// keeps, and looks only then whether it is there. A derivation named by its path alone isn't built.
    pub(super) async fn keep_derivation(
        &self,
        machine: &MachineName,
        derivation: &StorePath,
        cancel: &CancellationToken,
    ) -> Result<bool, NixError> {
        let action = "keep the derivation";
        let link = [
            "nix",
            "--extra-experimental-features",
            "nix-command",
            "build",
            "--option",
            "substitute",
            "false",
            "--out-link",
            &root_of(machine),
            &derivation.0,
        ];
        let kept = self.ask_unless(Some(cancel), action, Self::command(link), Input::Nothing).await?;
        if kept.code == 0 {
            return Ok(true);
        }
        let check = Self::command(["nix-store", "--check-validity", &derivation.0]);
        let output = self.ask_unless(Some(cancel), action, check, Input::Nothing).await?;
        if output.code != 0 && String::from_utf8_lossy(&output.stderr).contains("is not valid") {
            return Ok(false);
        }
        Err(failure::of_program(action, &kept))
    }

    /// Ends that for one machine.
    pub(super) async fn release_derivation(&self, machine: &MachineName) -> Result<(), NixError> {
        let remove = ["rm", "-f", "--", &root_of(machine)];
        self.ask("let go of the derivation", Self::command(remove), Input::Nothing).await.map(drop)
    }

    /// Ends it for all.
    pub(super) async fn release_derivations(&self) -> Result<(), NixError> {
        let remove = ["find", ROOTS, "-type", "l", "-delete"];
        self.ask("let go of derivations", Self::command(remove), Input::Nothing).await.map(drop)
    }
}
