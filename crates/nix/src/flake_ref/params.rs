//! The parameters behind `?`: which exist for which kind of source, and which are credentials.

use codchi_controller::nix::SourceError;

use super::{FlakeRef, validate};
use validate::refuse;

/// The parameters of one address, sorted out.
#[derive(Default)]
pub(super) struct Params {
    pub(super) reference: Option<String>,
    pub(super) rev: Option<String>,
    pub(super) dir: Option<String>,
    pub(super) nar_hash: Option<String>,
    pub(super) host: Option<String>,
    pub(super) flags: Vec<(&'static str, String)>,
    /// What isn't Nix' (an archive's own parameters), decoded.
    pub(super) others: Vec<(String, String)>,
    pub(super) had_credentials: bool,
}

/// What may stand behind `?`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// A repository at a forge, written as a flake reference.
    Forge,
    /// A page of a forge, copied from a browser: parameters that mean nothing to Nix are dropped.
    Page,
    /// A git repository.
    Git,
    /// A directory.
    Path,
    /// An archive: what isn't Nix' is the server's.
    Tarball,
}

/// Settings of Nix' git fetcher that change what is fetched.
const GIT_FLAGS: &[&str] = &["allRefs", "exportIgnore", "lfs", "shallow", "submodules"];

impl Params {
    /// Sorts out `params`.
    pub(super) fn new(params: Vec<(String, String)>, allowed: Allowed) -> Result<Self, SourceError> {
        let mut out = Self::default();
        for (name, value) in params {
            if is_credential(&name) {
                out.had_credentials = true;
                continue;
            }
            match name.as_str() {
                "dir" => out.dir = validate::dir(&value)?,
                "narHash" => out.nar_hash = Some(validate::nar_hash(&value)?),
                "rev" => out.rev = Some(validate::rev(&value)?),
                // Written into locks by Nix; they say nothing about what to fetch.
                "lastModified" | "revCount" => {}
                "ref" if matches!(allowed, Allowed::Forge | Allowed::Page) => {
                    // Nix allows a commit here.
                    match validate::rev(&value) {
                        Ok(rev) => out.rev = Some(rev),
                        Err(_) => out.reference = Some(validate::forge_reference(&value)?),
                    }
                }
                "ref" if allowed == Allowed::Git => out.reference = Some(validate::reference(&value)?),
                "host" if allowed == Allowed::Forge => out.host = Some(validate::host(&value)?),
                _ if allowed == Allowed::Tarball => out.others.push((name, value)),
                _ if allowed == Allowed::Page => {}
                name => match GIT_FLAGS.iter().find(|flag| **flag == name && allowed == Allowed::Git) {
                    Some(flag) => match value.as_str() {
                        "1" | "true" => out.flags.push((flag, "1".into())),
                        "0" | "false" => {}
                        _ => return Err(refuse("bad_parameter", format!("{flag}= must be 1 or 0"))),
                    },
                    None => return Err(unknown(name)),
                },
            }
        }
        out.flags.sort_unstable();
        Ok(out)
    }

    /// Makes a reference out of them.
    pub(super) fn into_ref(self, kind: super::FlakeKind) -> FlakeRef {
        FlakeRef {
            kind,
            reference: self.reference,
            rev: self.rev,
            dir: self.dir,
            nar_hash: self.nar_hash,
            attr: None,
            had_credentials: self.had_credentials,
        }
    }
}

fn unknown(name: &str) -> SourceError {
    let hint = match name {
        "branch" | "tag" => "; a branch or tag is given as ref=",
        "commit" | "sha" | "hash" => "; a commit is given as rev=",
        _ => "",
    };
    // The name isn't repeated: a secret may stand there without a name.
    refuse("bad_parameter", format!("the address has a parameter behind '?' that means nothing here{hint}"))
}

/// Whether a parameter of this name carries a password, a token or a signature.
fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    const EXACT: &[&str] = &[
        "api_key",
        "apikey",
        "auth",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "key",
        "pass",
        "passwd",
        "pat",
        "pwd",
        "sig",
        "user",
        "username",
        "login",
    ];
    const PARTS: &[&str] = &["token", "password", "secret", "signature"];
    EXACT.contains(&name.as_str())
        || PARTS.iter().any(|part| name.contains(part))
        || name.starts_with("x_amz_")
        || name.starts_with("x_goog_")
}
