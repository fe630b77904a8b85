//! Understanding an address as people write it.

use codchi_controller::nix::SourceError;

use super::{
    Authority, FlakeKind, FlakeRef, Forge, Transport,
    params::{Allowed, Params},
    split,
    validate::{self, refuse},
    web::{is_archive, tarball, web},
};
use crate::attr_path;

/// Understands an address.
///
/// # Errors
/// Says why it isn't one that Codchi takes; never repeats more of it than a known word.
pub fn parse(input: &str) -> Result<FlakeRef, SourceError> {
    let text = input.trim_matches(' ');
    if text.is_empty() {
        return Err(refuse("empty", "the address of the repository is empty"));
    }
    if text.len() > validate::MAX_LEN {
        return Err(refuse(
            "too_long",
            format!("the address has {} bytes, {} are allowed", text.len(), validate::MAX_LEN),
        ));
    }
    if text.chars().any(validate::is_unsafe) {
        return Err(refuse(
            "control_character",
            "the address contains a line break or another control character",
        ));
    }
    if text.starts_with('-') {
        return Err(refuse("leading_dash", "an address can't begin with a dash"));
    }
    let (address, fragment) = split::cut(text, '#');
    let mut flake = parse_address(address)?;
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
        let attr = attr_path::parse(&split::decode(fragment)?)
            .map_err(|error| refuse("bad_attr", format!("behind '#': {error}")))?;
        flake.attr = Some(attr);
    }
    if flake.url().len() > validate::MAX_LEN {
        return Err(refuse("too_long", "the address is too long when it is encoded"));
    }
    Ok(flake)
}

fn parse_address(text: &str) -> Result<FlakeRef, SourceError> {
    if let Some((helper, _)) = text.split_once("::")
        && helper.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return Err(refuse(
            "forbidden_transport",
            "addresses with '::' make git run a program of their choice and are not accepted",
        ));
    }
    if text.starts_with('/') {
        let (path, query) = split::cut(text, '?');
        return git_file(path, query);
    }
    if let Some((scheme, rest)) = split::scheme(text)
        && !scheme.contains('.')
    {
        return with_scheme(&scheme, rest, text);
    }
    if let Some(scp) = scp_like(text) {
        return scp;
    }
    let host = text.split('/').next().unwrap_or_default().to_ascii_lowercase();
    if text.contains('/')
        && matches!(
            host.as_str(),
            "github.com" | "www.github.com" | "gitlab.com" | "git.sr.ht" | "codeberg.org" | "bitbucket.org"
        )
    {
        return web("https", &format!("//{text}"));
    }
    Err(match text.chars().next() {
        Some('~') => refuse("relative_path", "write the full path of the directory instead of '~'"),
        Some('.') => {
            refuse("relative_path", "a directory must be given with its full path, beginning with /")
        }
        _ => refuse(
            "not_an_address",
            "this is not the address of a repository; write for example github:OWNER/REPOSITORY, \
             https://HOST/REPOSITORY.git or the full path of a directory",
        ),
    })
}

fn with_scheme(scheme: &str, rest: &str, whole: &str) -> Result<FlakeRef, SourceError> {
    match scheme {
        "github" => forge(Forge::Github, rest),
        "gitlab" => forge(Forge::Gitlab, rest),
        "sourcehut" => forge(Forge::Sourcehut, rest),
        "https" | "http" => web(scheme, rest),
        "git+https" => git(Transport::Https, rest),
        "git+http" => git(Transport::Http, rest),
        "git+ssh" | "ssh" => git(Transport::Ssh, rest),
        "git" if rest.starts_with("//") => git(Transport::Git, rest),
        "git+file" | "file" => file(scheme, rest),
        "path" => {
            let parts = split::parts(rest);
            if parts.host.is_some_and(|host| !host.is_empty()) {
                return Err(refuse("bad_path", "path: takes a full path, beginning with a single /"));
            }
            let path = validate::absolute(&decode_path(parts.path)?)?;
            let params = Params::new(split::query(parts.query)?, Allowed::Path)?;
            Ok(params.into_ref(FlakeKind::Path { path }))
        }
        "tarball+https" => tarball("https", rest),
        "tarball+http" => tarball("http", rest),
        "tarball+file" | "file+file" | "file+https" | "file+http" => {
            Err(refuse("unsupported", "a file is not a repository; archives are taken from https addresses"))
        }
        "flake" => Err(refuse(
            "registry",
            "names of a flake registry mean different things on different computers; write the address itself, \
             such as github:OWNER/REPOSITORY",
        )),
        "hg" | "hg+https" | "hg+http" | "hg+ssh" | "hg+file" => {
            Err(refuse("unsupported", "Mercurial repositories are not supported; git repositories are"))
        }
        _ if rest.starts_with("//") || KNOWN_ELSEWHERE.contains(&scheme) => {
            let named = if KNOWN_ELSEWHERE.contains(&scheme) {
                format!("'{scheme}:'")
            } else {
                "of this kind".into()
            };
            Err(refuse(
                "unknown_scheme",
                format!(
                    "addresses {named} are not supported; use https, ssh, github:, gitlab:, sourcehut: or a full path"
                ),
            ))
        }
        // `host:path` without a user looks like a scheme; nobody means it here.
        _ => Err(refuse(
            "unknown_scheme",
            format!(
                "the part before the first ':' is not a kind of address that Codchi knows{}",
                if whole.contains('@') {
                    ""
                } else {
                    "; use https://…, github:OWNER/REPOSITORY or USER@HOST:PATH"
                }
            ),
        )),
    }
}

/// Schemes that are worth naming in a message.
const KNOWN_ELSEWHERE: &[&str] = &[
    "ftp",
    "ftps",
    "sftp",
    "rsync",
    "s3",
    "svn",
    "javascript",
    "data",
    "git+ext",
    "ext",
    "git+git",
    "git+ftp",
    "mailto",
    "ipfs",
    "indirect",
    "git",
    "bitbucket",
    "codeberg",
];

/// Splits a path, decodes every segment and joins them again. An encoded slash would change the path's meaning and is refused.
fn decode_path(text: &str) -> Result<String, SourceError> {
    let parts: Vec<String> = text.split('/').map(split::decode).collect::<Result<_, _>>()?;
    if parts.iter().any(|part| part.contains('/')) {
        return Err(refuse("bad_path", "the path contains an encoded slash"));
    }
    Ok(parts.join("/"))
}

/// `github:OWNER/REPO[/REF-OR-REV]`.
fn forge(forge: Forge, rest: &str) -> Result<FlakeRef, SourceError> {
    let (path, query) = split::cut(rest, '?');
    let mut parts = path.split('/');
    let (Some(owner), Some(repo)) = (parts.next(), parts.next()) else {
        return Err(refuse(
            "bad_name",
            format!("a repository at this forge is written {}:OWNER/REPOSITORY", forge.scheme()),
        ));
    };
    let params = Params::new(split::query(query)?, Allowed::Forge)?;
    let at = split::decode(&parts.collect::<Vec<_>>().join("/"))?;
    let at = at.trim_end_matches('/');
    let mut owner = split::decode(owner)?;
    if forge == Forge::Gitlab && owner.contains('%') {
        // Written so that Nix, which decodes twice, understands it.
        owner = split::decode(&owner)?;
    }
    at_forge(forge, &owner, &split::decode(repo)?, Some(at).filter(|at| !at.is_empty()), params)
}

/// Checks the names and puts branch, tag or commit where it belongs.
pub(super) fn at_forge(
    forge: Forge,
    owner: &str,
    repo: &str,
    at: Option<&str>,
    mut params: Params,
) -> Result<FlakeRef, SourceError> {
    if forge != Forge::Gitlab && owner.contains('/') {
        return Err(refuse("bad_name", "the owner in the address isn't a name that a forge allows"));
    }
    for group in owner.split('/') {
        validate::forge_name(group, "owner")?;
    }
    if forge == Forge::Sourcehut && !owner.starts_with('~') {
        return Err(refuse("bad_name", "an owner at SourceHut begins with '~': sourcehut:~OWNER/REPOSITORY"));
    }
    let repo = validate::forge_name(repo.strip_suffix(".git").unwrap_or(repo), "repository")?;
    if let Some(at) = at {
        if params.rev.is_some() || params.reference.is_some() {
            return Err(refuse("bad_ref", "the address names a branch, tag or commit twice"));
        }
        if validate::is_rev(at) {
            params.rev = Some(validate::rev(at)?);
        } else {
            params.reference = Some(validate::forge_reference(at)?);
        }
    }
    if params.rev.is_some() {
        params.reference = None;
    }
    let host = params.host.take().filter(|host| host != forge.host());
    let kind = FlakeKind::Forge { forge, host, owner: owner.to_owned(), repo };
    Ok(params.into_ref(kind))
}

/// A git repository on a server.
pub(super) fn git(transport: Transport, rest: &str) -> Result<FlakeRef, SourceError> {
    let parts = split::parts(rest);
    let Some(host) = parts.host else {
        return Err(refuse("bad_host", "the address has no host: it needs // behind the first ':'"));
    };
    let (user, secret) = match (transport, parts.userinfo) {
        (_, None) => (None, false),
        // The user belongs to an SSH address, a password doesn't.
        (Transport::Ssh, Some(userinfo)) => {
            let (user, password) = split::cut(userinfo, ':');
            (Some(user), password.is_some())
        }
        // Forges take tokens as user names.
        (_, Some(_)) => (None, true),
    };
    let own_port = match transport {
        Transport::Https => 443,
        Transport::Http => 80,
        Transport::Ssh => 22,
        Transport::Git => 9418,
        Transport::File => 0,
    };
    let authority = validate::authority(host, user, own_port)?;
    let mut params = Params::new(split::query(parts.query)?, Allowed::Git)?;
    params.had_credentials |= secret;
    let path = if parts.path.is_empty() { "/" } else { parts.path };
    git_at(transport, Some(authority), validate::absolute(&decode_path(path)?)?, params)
}

fn git_at(
    transport: Transport,
    authority: Option<Authority>,
    path: String,
    mut params: Params,
) -> Result<FlakeRef, SourceError> {
    let flags = std::mem::take(&mut params.flags);
    Ok(params.into_ref(FlakeKind::Git { transport, authority, path, flags }))
}

/// `file:///…` and `git+file:///…`.
fn file(scheme: &str, rest: &str) -> Result<FlakeRef, SourceError> {
    let parts = split::parts(rest);
    if parts.host.is_some_and(|host| !host.is_empty() && !host.eq_ignore_ascii_case("localhost")) {
        return Err(refuse(
            "bad_path",
            "a directory of this computer is written with three slashes: file:///full/path",
        ));
    }
    if scheme == "file" && is_archive(parts.path) {
        return Err(refuse(
            "unsupported",
            "an archive of this computer is not a repository; use the directory of a git repository",
        ));
    }
    git_file(&decode_path(parts.path)?, parts.query)
}

/// A git repository of this computer; `path` is decoded.
fn git_file(path: &str, query: Option<&str>) -> Result<FlakeRef, SourceError> {
    let params = Params::new(split::query(query)?, Allowed::Git)?;
    git_at(Transport::File, None, validate::absolute(path)?, params)
}

/// `USER@HOST:PATH` and `HOST.DOMAIN:PATH`; `None` when it isn't one.
fn scp_like(text: &str) -> Option<Result<FlakeRef, SourceError>> {
    let (server, path) = text.split_once(':')?;
    if server.contains('/') {
        return None;
    }
    let (user, host) = match server.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, server),
    };
    let parse = || {
        let (path, query) = split::cut(path, '?');
        // `user:secret@host:path`: the first colon was the password's.
        if path.contains('@') && !server.contains('@') {
            return Err(refuse(
                "not_an_address",
                "this is not the address of a repository; an SSH address is written USER@HOST:PATH",
            ));
        }
        if path.trim_start_matches('/').starts_with('-') {
            return Err(refuse("bad_path", "the path begins with a dash"));
        }
        let authority = validate::authority(host, user, 22)?;
        let params = Params::new(split::query(query)?, Allowed::Git)?;
        git_at(
            Transport::Ssh,
            Some(authority),
            validate::absolute(&format!("/{}", path.trim_start_matches('/')))?,
            params,
        )
    };
    Some(parse())
}
