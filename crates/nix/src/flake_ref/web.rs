//! Addresses of web pages: forges' pages as copied from a browser, archives, and what else may be a git repository.

use codchi_controller::nix::SourceError;

use super::{
    FlakeKind, FlakeRef, Forge, Transport,
    params::{Allowed, Params},
    parse::{at_forge, git},
    render, split,
    validate::{self, refuse},
};

/// `https://…`: a page of a forge, an archive, or a git repository.
pub(super) fn web(scheme: &str, rest: &str) -> Result<FlakeRef, SourceError> {
    let parts = split::parts(rest);
    let Some(host) = parts.host else {
        return Err(refuse("bad_host", "the address has no host: it begins with https://"));
    };
    if is_archive(parts.path) {
        return tarball(if scheme == "http" { "http" } else { "https" }, rest);
    }
    let authority = validate::authority(host, None, if scheme == "http" { 80 } else { 443 })?;
    let name = authority.host.strip_prefix("www.").unwrap_or(&authority.host);
    let known =
        [Forge::Github, Forge::Gitlab, Forge::Sourcehut].into_iter().find(|forge| forge.host() == name);
    match known {
        Some(known) if authority.port.is_none() => {
            let mut params = Params::new(split::query(parts.query)?, Allowed::Page)?;
            params.had_credentials |= parts.userinfo.is_some();
            page(known, parts.path, params)
        }
        _ => git(if scheme == "http" { Transport::Http } else { Transport::Https }, rest),
    }
}

/// A page of a forge as copied from a browser.
fn page(forge: Forge, path: &str, mut params: Params) -> Result<FlakeRef, SourceError> {
    let segments: Vec<String> =
        path.split('/').filter(|part| !part.is_empty()).map(split::decode).collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    // GitLab separates the repository from its pages by '-'; groups may be nested.
    let (repository, pages) = match forge {
        Forge::Gitlab => match segments.iter().position(|part| *part == "-") {
            Some(at) => (segments.get(..at), segments.get(at + 1..)),
            None => (segments.get(..), None),
        },
        _ => (segments.get(..2), segments.get(2..)),
    };
    let Some((repo, owner)) =
        repository.and_then(<[&str]>::split_last).filter(|(_, owner)| !owner.is_empty())
    else {
        return Err(refuse(
            "bad_path",
            "the address names no repository: it needs an owner and a repository",
        ));
    };
    let (at, dir): (Option<&str>, &[&str]) = match pages.unwrap_or_default() {
        [] => (None, &[]),
        ["tree", at, dir @ ..] => (Some(at), dir.strip_prefix(&["item"]).unwrap_or(dir)),
        // The page of a file: the flake is in its directory.
        ["blob", at, file @ ..] => (Some(at), file.split_last().map_or(&[], |(_, dir)| dir)),
        ["commit" | "commits" | "log", at] => (Some(at), &[]),
        ["releases", "tag", at] | ["tags" | "refs", at] => (Some(at), &[]),
        _ => {
            return Err(refuse(
                "bad_path",
                "this page of the forge is not a repository, a branch, a tag or a commit",
            ));
        }
    };
    if !dir.is_empty() && params.dir.is_none() {
        params.dir = validate::dir(&dir.join("/"))?;
    }
    at_forge(forge, &owner.join("/"), repo, at, params)
}

/// An archive on a web server.
pub(super) fn tarball(scheme: &'static str, rest: &str) -> Result<FlakeRef, SourceError> {
    let parts = split::parts(rest);
    let Some(host) = parts.host else {
        return Err(refuse("bad_host", "the address has no host: it begins with https://"));
    };
    let authority = validate::authority(host, None, if scheme == "http" { 80 } else { 443 })?;
    let segments: Vec<String> = parts.path.split('/').map(split::decode).collect::<Result<_, _>>()?;
    if segments.iter().any(|part| part.split('/').any(|part| matches!(part, "." | ".."))) {
        return Err(refuse("bad_path", "the path contains '.' or '..'"));
    }
    let path = segments.iter().map(|part| render::segment(part)).collect::<Vec<_>>().join("/");
    if path.trim_matches('/').is_empty() {
        return Err(refuse("bad_path", "the address names no archive"));
    }
    let mut params = Params::new(split::query(parts.query)?, Allowed::Tarball)?;
    params.had_credentials |= parts.userinfo.is_some();
    let own = std::mem::take(&mut params.others);
    let own = own.iter().map(|(name, text)| (render::value(name), render::value(text))).collect();
    Ok(params.into_ref(FlakeKind::Tarball { scheme, authority, path, params: own }))
}

/// Whether Nix takes a file of this name for an archive (`hasTarballExtension` in Nix' `tarball.cc`).
pub(super) fn is_archive(path: &str) -> bool {
    const ENDS: &[&str] = &[".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"];
    ENDS.iter().any(|end| path.ends_with(end))
}
