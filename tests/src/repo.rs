//! Git repositories with modules, made for one test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the source tree.
pub fn source_tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the source tree")
}

/// A git repository of this computer.
#[derive(Clone, Debug)]
pub struct Repo {
    path: PathBuf,
}

impl Repo {
    /// A repository with these files, committed.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn new(path: impl Into<PathBuf>, files: &[(&str, &str)]) -> Self {
        let repo = Self { path: path.into() };
        fs::create_dir_all(&repo.path).unwrap();
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo.commit(files);
        repo
    }

    /// One that is there already.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// A copy of one of `examples/`.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn example(name: &str, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        copy(&source_tree().join("examples").join(name), &path);
        Self::new(path, &[])
    }

    /// A flake that offers the one module `nixosModules.NAME` with this body.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn module(path: impl Into<PathBuf>, name: &str, body: &str) -> Self {
        let flake = format!("{{ outputs = _: {{ nixosModules.{name} = ./module.nix; }}; }}\n");
        Self::new(path, &[("flake.nix", &flake), ("module.nix", body)])
    }

    /// Writes files and commits everything. Returns the commit.
    ///
    /// # Panics
    /// When it can't be done.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            let file = self.path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=change"]);
        self.head()
    }

    /// The newest commit.
    ///
    /// # Panics
    /// When there is none.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("git+file://{}", self.path.display())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        // Whoever runs the tests has settings of their own; they say nothing here.
        command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")]);
        // The repository may be another user's.
        command.args(["-c", "safe.directory=*"]);
        command.args(["-c", "user.name=Test", "-c", "user.email=test@localhost", "-C"]);
        let output = command.arg(&self.path).args(args).output().expect("git");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
