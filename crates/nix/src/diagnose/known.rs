//! What failures say in their own words, and what that means.

use super::{Cause, Kind};

/// Patterns (in lower case) that say the same, and what they say.
const KNOWN: &[(&[&str], Kind, &str)] = &[
    (
        &["no space left on device", "disk full", "database or disk is full", "disk quota exceeded"],
        Kind::Resources,
        "no space is left on the disk",
    ),
    (
        &[
            "cannot allocate memory",
            "out of memory",
            "std::bad_alloc",
            "virtual memory exhausted",
            "oom-kill",
            "killed signal terminated",
        ],
        Kind::Resources,
        "there was not enough memory",
    ),
    (
        &[
            "ssl certificate problem",
            "certificate verify failed",
            "self-signed certificate",
            "self signed certificate",
            "unable to get local issuer certificate",
            "ssl peer certificate or ssh remote key was not ok",
            "problem with the ssl ca cert",
            "certificate signer not trusted",
            "server verification failed",
            "server certificate verification failed",
            "x509: certificate",
        ],
        Kind::Certificate,
        "the server's certificate is not trusted; a company's own certificate authority may be missing",
    ),
    (
        &["host key verification failed", "no matching host key", "remote host identification has changed"],
        Kind::HostKey,
        "the SSH server's host key is not known or has changed",
    ),
    (
        &[
            "could not resolve host",
            "couldn't resolve host",
            "temporary failure in name resolution",
            "name or service not known",
            "no address associated with hostname",
        ],
        Kind::Network,
        "the server's name can't be resolved: there is no network, or the name is wrong",
    ),
    (
        &["http error 407", "response 407", "proxy authentication required", "could not resolve proxy"],
        Kind::Network,
        "the network's proxy refused the request",
    ),
    (
        &["http error 429", "rate limit exceeded", "returned error: 429"],
        Kind::Network,
        "the server answers no more requests for now (rate limit); an access token may help",
    ),
    (
        &["is none that the user named"],
        Kind::Other,
        "your SSH keys are used for the repositories that you named and others of their owners only",
    ),
    (
        &[
            "http error 401",
            "http error 403",
            "error: 401",
            "error: 403",
            "returned error: 401",
            "returned error: 403",
            "permission denied (publickey",
            "authentication failed",
            "could not read username",
            "could not read password",
            "invalid username or password",
            "terminal prompts disabled",
            "access denied",
        ],
        Kind::Denied,
        "the server asks for credentials: the repository is private, or the token is missing or wrong",
    ),
    (
        &[
            "http error 404",
            "returned error: 404",
            "repository not found",
            "does not appear to be a git repository",
            "not found: repository",
            "project you were looking for could not be found",
        ],
        Kind::Missing,
        "it doesn't exist, or it is private and not visible without credentials",
    ),
    (
        &[
            "couldn't find remote ref",
            "could not find remote ref",
            "cannot find git revision",
            "cannot find commit",
            "unable to find git revision",
            "no commit found for",
            "http error 422",
            "not our ref",
            "object not found - no match for id",
            "reference is not a tree",
            "bad object",
            "unknown revision",
        ],
        Kind::Missing,
        "the repository has no such branch, tag or commit",
    ),
    (
        &[
            "connection refused",
            "network is unreachable",
            "no route to host",
            "connection timed out",
            "operation timed out",
            "connection reset by peer",
            "couldn't connect to server",
            "could not connect to server",
            "timeout was reached",
            "http error 500",
            "http error 502",
            "http error 503",
            "http error 504",
            "unexpected eof while reading",
        ],
        Kind::Network,
        "the server can't be reached",
    ),
    (
        &[
            "setting up a private mount namespace",
            "cloning builder process",
            "unable to start build process",
            "sandboxing builds",
            "user namespaces",
            "mounting /proc",
        ],
        Kind::Other,
        "the build sandbox can't be set up in the controller",
    ),
    (
        &["allow-import-from-derivation"],
        Kind::Other,
        "the repository builds something while it is evaluated (import from derivation), which is not allowed",
    ),
];

/// What is known about a text.
pub(super) fn known(text: &str) -> Option<Cause> {
    let lower = text.to_lowercase();
    let (_, kind, said) = KNOWN.iter().find(|(patterns, ..)| patterns.iter().any(|p| lower.contains(p)))?;
    Some(Cause { kind: *kind, text: (*said).to_owned() })
}
