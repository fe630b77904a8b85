//! Flake references: what a user types or pastes as the address of a repository, and its canonical form.
//!
//! Everything here is pure. Whether a repository exists is found out by reading it. What isn't accepted on purpose: names of a flake
//! registry, relative paths, transport helpers of git, and anything that a program could take for an option. Passwords and tokens
//! are recognised, left out, and never repeated in a message.

mod params;
mod parse;
mod render;
mod split;
mod validate;
mod web;

use std::path::PathBuf;

use codchi_controller::nix::{Source, SourceError};
use serde::Serialize;

use crate::attr_path;

pub use parse::parse;

/// A flake reference in parts. All parts are decoded and checked; rendering encodes them again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlakeRef {
    /// What kind of source it is, with what only this kind has.
    pub kind: FlakeKind,
    /// A branch, a tag, or a full name such as `refs/tags/v1`.
    pub reference: Option<String>,
    /// A commit, 40 or 64 hexadecimal digits.
    pub rev: Option<String>,
    /// The directory of the `flake.nix` below the root of the source.
    pub dir: Option<String>,
    /// The expected hash of the source's content, as `sha256-…`.
    pub nar_hash: Option<String>,
    /// The attribute path behind `#`.
    pub attr: Option<Vec<String>>,
    /// Whether the address as typed contained a password or token.
    pub had_credentials: bool,
}

/// The kinds of flake references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlakeKind {
    /// A repository at a forge whose archives Nix downloads.
    Forge {
        /// Which software the forge runs.
        forge: Forge,
        /// Another host than the forge's own.
        host: Option<String>,
        /// The owner: a user, an organisation, or groups separated by slashes.
        owner: String,
        /// The repository.
        repo: String,
    },
    /// A git repository at any other place.
    Git {
        /// How it is reached.
        transport: Transport,
        /// User, host and port; `None` for a repository of this computer.
        authority: Option<Authority>,
        /// The absolute path, decoded.
        path: String,
        /// Git settings such as `submodules=1`, by name.
        flags: Vec<(&'static str, String)>,
    },
    /// A directory that the controller sees.
    Path {
        /// The absolute path, decoded.
        path: String,
    },
    /// An archive.
    Tarball {
        /// `https` or `http`.
        scheme: &'static str,
        /// Host and port.
        authority: Authority,
        /// The path, encoded (an archive's address may tell `%2F` from `/`).
        path: String,
        /// The parameters that belong to the archive's address, encoded.
        params: Vec<(String, String)>,
    },
}

/// The forges that Nix knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forge {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// SourceHut.
    Sourcehut,
}

impl Forge {
    /// Its scheme in a flake reference.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Sourcehut => "sourcehut",
        }
    }

    /// Its own host.
    pub const fn host(self) -> &'static str {
        match self {
            Self::Github => "github.com",
            Self::Gitlab => "gitlab.com",
            Self::Sourcehut => "git.sr.ht",
        }
    }
}

/// How a git repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over HTTPS.
    Https,
    /// Over HTTP.
    Http,
    /// Over SSH.
    Ssh,
    /// Over git's own protocol.
    Git,
    /// In the file system of this computer (not the controller's).
    File,
}

impl Transport {
    /// Its scheme in a flake reference.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Https => "git+https",
            Self::Http => "git+http",
            Self::Ssh => "git+ssh",
            Self::Git => "git",
            Self::File => "git+file",
        }
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The SSH user.
    pub user: Option<String>,
    /// The host, in lower case; an IPv6 address has its brackets.
    pub host: String,
    /// The port, when it isn't the scheme's own.
    pub port: Option<u16>,
}

/// What a repository is to be held at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
    /// A commit.
    Rev(String),
}

impl FlakeRef {
    /// The canonical address, as Nix takes it and as it is shown and stored: no credentials, no fragment, no character that a
    /// shell, Nix or a terminal reads specially.
    pub fn url(&self) -> String {
        render::url(self)
    }

    /// The same address as Nix is given it: nested groups of GitLab are decoded once too often by Nix (seen in 2.26 and 2.34), so
    /// their slashes are encoded twice.
    pub fn nix_url(&self) -> String {
        match &self.kind {
            FlakeKind::Forge { forge: Forge::Gitlab, owner, .. } if owner.contains('/') => {
                self.url().replacen("%2F", "%252F", owner.matches('/').count())
            }
            _ => self.url(),
        }
    }

    /// The directory of a git repository of this computer.
    pub fn host_repository(&self) -> Option<PathBuf> {
        match &self.kind {
            FlakeKind::Git { transport: Transport::File, path, .. } => Some(PathBuf::from(path)),
            _ => None,
        }
    }

    /// The same reference to a git repository elsewhere in the controller's file system: the copy of a host repository.
    #[must_use]
    pub fn at_path(&self, copy: &str) -> Self {
        let flags = match &self.kind {
            FlakeKind::Git { flags, .. } => flags.clone(),
            _ => Vec::new(),
        };
        let kind =
            FlakeKind::Git { transport: Transport::File, authority: None, path: copy.to_owned(), flags };
        Self { kind, ..self.clone() }
    }

    /// The same repository at a branch, tag or commit instead of what it was held at.
    ///
    /// # Errors
    /// When the pin's name isn't one, or this kind of source has no revisions.
    pub fn pinned(&self, pin: &Pin) -> Result<Self, SourceError> {
        if matches!(self.kind, FlakeKind::Path { .. } | FlakeKind::Tarball { .. }) {
            return Err(SourceError {
                code: "not_versioned",
                reason: "a directory or an archive has no branches, tags or commits to choose".into(),
            });
        }
        let mut pinned = Self { reference: None, rev: None, nar_hash: None, ..self.clone() };
        match pin {
            Pin::Rev(rev) => pinned.rev = Some(validate::rev(rev)?),
            Pin::Branch(branch) => pinned.reference = Some(validate::reference(branch)?),
            Pin::Tag(tag) => {
                let tag = validate::reference(tag)?;
                // Nix looks for a plain name among the branches of a git repository; forges look among both.
                pinned.reference = Some(match self.kind {
                    FlakeKind::Git { .. } if !tag.starts_with("refs/") => format!("refs/tags/{tag}"),
                    _ => tag,
                });
            }
        }
        Ok(pinned)
    }

    /// What the rest of Codchi keeps of it.
    pub fn source(&self) -> Source {
        Source { url: self.url(), attr: self.attr.clone(), had_credentials: self.had_credentials }
    }
}

/// What [`describe`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Description {
    /// The address is understood.
    Understood {
        /// Always `true`.
        ok: bool,
        /// `github`, `gitlab`, `sourcehut`, `git`, `path` or `tarball`.
        kind: &'static str,
        /// The host, where there is one.
        host: Option<String>,
        /// The owner, at a forge.
        owner: Option<String>,
        /// The repository, at a forge.
        repo: Option<String>,
        /// The path, elsewhere.
        path: Option<String>,
        /// The branch or tag.
        r#ref: Option<String>,
        /// The commit.
        rev: Option<String>,
        /// The directory of the flake.
        dir: Option<String>,
        /// The attribute path of the fragment, as written in Nix.
        attr: Option<String>,
        /// The flake reference handed to Nix.
        nix: String,
        /// Whether the address contained credentials.
        token: bool,
    },
    /// It isn't.
    Refused {
        /// Always `false`.
        ok: bool,
        /// A short, stable word.
        code: &'static str,
        /// What is wrong, for people.
        message: String,
    },
}

/// How Codchi understands an address, in a form for scripts (`codchi debug parse url`).
pub fn describe(input: &str) -> Description {
    let parsed = match parse(input) {
        Ok(parsed) => parsed,
        Err(error) => return Description::Refused { ok: false, code: error.code, message: error.reason },
    };
    let nix = parsed.url();
    let authority_host = |authority: &Authority| authority.host.clone();
    let (kind, host, owner, repo, path) = match parsed.kind {
        FlakeKind::Forge { forge, host, owner, repo } => {
            let host = host.unwrap_or_else(|| forge.host().to_owned());
            (forge.scheme(), Some(host), Some(owner), Some(repo), None)
        }
        FlakeKind::Git { authority, path, .. } => {
            ("git", authority.as_ref().map(authority_host), None, None, Some(path))
        }
        FlakeKind::Path { path } => ("path", None, None, None, Some(path)),
        FlakeKind::Tarball { authority, path, .. } => {
            ("tarball", Some(authority_host(&authority)), None, None, Some(path))
        }
    };
    Description::Understood {
        ok: true,
        kind,
        host,
        owner,
        repo,
        path,
        r#ref: parsed.reference,
        rev: parsed.rev,
        dir: parsed.dir,
        attr: parsed.attr.map(|attr| attr_path::render(&attr)),
        nix,
        token: parsed.had_credentials,
    }
}

#[cfg(test)]
mod tests;
