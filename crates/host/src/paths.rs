//! Where Codchi keeps its files on this computer, and where it finds what it was shipped with.

use std::path::{Path, PathBuf};

use codchi_controller::{files::Paths, images::ImageSet};

use crate::{Environment, HostError};

/// `CODCHI_CONFIG_DIR` and `CODCHI_DATA_DIR`, else the directories that this system has for it (on Linux `~/.config/codchi` and
/// `~/.local/share/codchi`).
///
/// # Errors
/// When this user has no home directory, or a relative path can't be made absolute.
pub fn paths(environment: &Environment) -> Result<Paths, HostError> {
    let chosen = |variable| environment.path(variable).map(absolute).transpose();
    let own = || directories::ProjectDirs::from("", "", "codchi").ok_or(HostError::NoHome);
    Ok(Paths {
        config: match chosen("CODCHI_CONFIG_DIR")? {
            Some(path) => path,
            None => own()?.config_dir().to_owned(),
        },
        data: match chosen("CODCHI_DATA_DIR")? {
            Some(path) => path,
            None => own()?.data_dir().to_owned(),
        },
    })
}

/// The images of this release: from `CODCHI_IMAGE_DIR`, else from beside the executable, else from where a package puts them.
/// `None` when there are none; what was wrong with them is in the developers' log.
pub(crate) fn images(environment: &Environment) -> Option<ImageSet> {
    let executable = std::env::current_exe().ok();
    image_directories(environment, executable.as_deref()).into_iter().find_map(|directory| {
        match ImageSet::read(&directory) {
            Ok(images) => Some(images),
            Err(error) => {
                tracing::debug!(directory = %directory.display(), %error, "no images here");
                None
            }
        }
    })
}

fn image_directories(environment: &Environment, executable: Option<&Path>) -> Vec<PathBuf> {
    if let Some(directory) = environment.path("CODCHI_IMAGE_DIR") {
        return vec![directory];
    }
    let Some(directory) = executable.and_then(Path::parent) else { return Vec::new() };
    let mut directories = vec![directory.to_owned(), directory.join("images")];
    directories.extend(directory.parent().map(|prefix| prefix.join("share/codchi/images")));
    directories
}

fn absolute(path: PathBuf) -> Result<PathBuf, HostError> {
    std::path::absolute(&path).map_err(|source| HostError::Path { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_can_be_chosen_and_are_absolute() {
        let environment = Environment::from([("CODCHI_CONFIG_DIR", "wanted"), ("CODCHI_DATA_DIR", "/data")]);
        let paths = paths(&environment).unwrap();
        assert_eq!(paths.config, std::env::current_dir().unwrap().join("wanted"));
        assert_eq!(paths.data, Path::new("/data"));
    }

    #[test]
    fn images_are_looked_for_beside_the_executable_and_in_its_prefix() {
        let found = image_directories(&Environment::default(), Some(Path::new("/opt/codchi/bin/codchi")));
        assert_eq!(
            found,
            ["/opt/codchi/bin", "/opt/codchi/bin/images", "/opt/codchi/share/codchi/images"]
                .map(PathBuf::from)
        );
        let chosen = Environment::from([("CODCHI_IMAGE_DIR", "/images")]);
        assert_eq!(
            image_directories(&chosen, Some(Path::new("/opt/codchi/bin/codchi"))),
            [Path::new("/images")]
        );
    }
}
