//! Directories of generated files in the controller, replaced as a whole.

use codchi_controller::nix::NixError;

use super::{ControllerNix, exec::Input};

/// Packs files into a tar archive, the same bytes for the same files.
pub(super) fn pack(files: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1);
        archive.append_data(&mut header, name, *content)?;
    }
    archive.into_inner()
}

impl ControllerNix {
    /// Replaces the directory `dir` by `files`, all of them or none.
    pub(super) async fn put(&self, dir: &str, files: &[(&str, &[u8])]) -> Result<(), NixError> {
        let action = "write the flake into the controller";
        let archive = pack(files)
            .map_err(|error| NixError::Failed { action: action.into(), message: error.to_string() })?;
        let spec = Self::command([Self::SERVE, "put", dir]);
        self.ask(action, spec, Input::Bytes(&archive)).await.map(drop)
    }
}
