//! Do the certificates of the modules' hosts verify: from this computer, from the controller and in a machine.
//!
//! Git is asked, which fetches the modules: it reads the trust and the proxy that a build would. Any answer of the host is a good
//! one; only what says that the connection isn't trusted counts.

use time::OffsetDateTime;

use crate::{
    access::Certificate,
    doctor::{
        CheckGroup, CheckState, commands,
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "certificates", group: CheckGroup::Network, title: "Certificates" };

/// From where it was connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::doctor) enum From {
    Host,
    Controller,
    Machine,
}

impl From {
    fn words(self) -> &'static str {
        match self {
            Self::Host => "this computer",
            Self::Controller => "the controller",
            Self::Machine => "a machine",
        }
    }
}

/// What a connection showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Verdict {
    /// The certificate is trusted.
    Trusted,
    /// Its time is over, or hasn't come.
    Expired(String),
    /// Nobody who is trusted signed it, or it is another host's.
    Untrusted(String),
    /// There was no connection.
    Unreached(String),
    /// There is no git to ask.
    Unasked,
}

impl Verdict {
    fn words(&self) -> &str {
        match self {
            Self::Trusted => "it is trusted",
            Self::Expired(words) | Self::Untrusted(words) | Self::Unreached(words) => words,
            Self::Unasked => "there is no git",
        }
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Seen {
    pub(in crate::doctor) host: String,
    pub(in crate::doctor) from: From,
    pub(in crate::doctor) verdict: Verdict,
}

/// Git's arguments that connect to a host and need nothing else of it.
pub(in crate::doctor) fn connect(host: &str) -> Vec<String> {
    let words = [
        "env",
        "LC_ALL=C",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=true",
        "git",
        "-c",
        "credential.helper=",
        "ls-remote",
        "--",
    ];
    words.iter().map(|word| (*word).to_owned()).chain([format!("https://{host}/codchi-doctor")]).collect()
}

/// What git's words mean; those of libcurl with OpenSSL and with GnuTLS.
pub(in crate::doctor) fn verdict(code: i32, output: &str) -> Verdict {
    let line = output.lines().find(|line| line.contains("unable to access")).unwrap_or_default();
    let words = line.rsplit_once("': ").map_or(line, |(_, words)| words).trim().to_owned();
    let says = |parts: &[&str]| parts.iter().any(|part| output.contains(part));
    if matches!(code, 126 | 127) {
        Verdict::Unasked
    } else if says(&[
        "certificate has expired",
        "certificate is not yet valid",
        "certificate expired",
        "not yet activated",
    ]) {
        Verdict::Expired(words)
    } else if says(&["certificate", "SSL peer", "subject name", "error setting certificate"])
        && !line.is_empty()
    {
        Verdict::Untrusted(words)
    } else if !line.is_empty() && !says(&["The requested URL returned error"]) {
        // Such as a name that isn't known, a connection that was reset, or a handshake that failed.
        Verdict::Unreached(words)
    } else {
        // Somebody answered whose certificate is good, if only that there is no such repository.
        Verdict::Trusted
    }
}

/// How long before an authority of this computer expires that is said.
const SOON: time::Duration = time::Duration::days(14);

/// `authorities` are those that this computer trusts beyond the usual ones.
pub(in crate::doctor) fn check(
    host: &dyn Host,
    seen: &[Seen],
    authorities: &[Certificate],
    now: OffsetDateTime,
) -> Finding {
    let expired = authorities.iter().find(|authority| authority.expires < now);
    let expiring = authorities.iter().find(|authority| authority.expires < now + SOON);
    let finding = of_connections(host, seen, expired.is_some());
    if finding.state == CheckState::Fail {
        return finding;
    }
    let Some(authority) = expired.or(expiring) else { return finding };
    let (reason, words) = if expired.is_some() {
        (
            "authority_expired",
            "The authority {subject} that this computer trusts expired on {date}. Import its new certificate.",
        )
    } else {
        (
            "authority_expires",
            "The authority {subject} that this computer trusts expires on {date}. Import its new certificate before that.",
        )
    };
    let status = authority.status(now);
    Finding::warn(reason, words)
        .with("subject", status.subject)
        .with("date", status.expires.date().to_string())
        .seen(status.source)
        .mended_by(commands::trust(host))
}

fn of_connections(host: &dyn Host, seen: &[Seen], authority_expired: bool) -> Finding {
    if seen.is_empty() {
        return Finding::ok("none", "No machine has a module from the network.");
    }
    let bad = |one: &&Seen| matches!(one.verdict, Verdict::Expired(_) | Verdict::Untrusted(_));
    // The host is the root of all trust: what it doesn't trust nobody does.
    let worst = seen.iter().filter(bad).min_by_key(|one| one.from);
    if let Some(Seen { host: name, from, .. }) = worst {
        // Not every git says why: GnuTLS' on Debian 12 doesn't. Another place's may.
        let expired = seen.iter().any(|one| one.host == *name && matches!(one.verdict, Verdict::Expired(_)));
        let finding = match from {
            _ if expired => Finding::fail(
                "expired",
                "The certificate of {host} isn't valid now, seen from {from}. If the clock is right, its owner has to renew it.",
            )
            // It may be the authority's own time that is over.
            .mended_by(if authority_expired { commands::trust(host) } else { None }),
            From::Host => Finding::fail(
                "untrusted",
                "The certificate of {host} isn't trusted by this computer. If the host belongs to your company, import the certificate of its authority.",
            )
            .mended_by(commands::trust(host)),
            // Its modules may not have asked for what this computer trusts.
            From::Machine => Finding::warn(
                "not_in_machine",
                "The certificate of {host} is trusted by this computer and not by {from}. Modules ask for that with codchi.hostSecrets.caCertificates.",
            ),
            From::Controller => Finding::fail(
                "not_passed_on",
                "The certificate of {host} is trusted by this computer and not by {from}.",
            )
            .mended_by(commands::trust(host)),
        };
        let places = seen.iter().filter(bad).filter(|one| one.host == *name);
        let places = places.map(|one| format!("from {}: {}", one.from.words(), one.verdict.words()));
        return finding
            .with("host", name)
            .with("from", from.words())
            .seen(places.collect::<Vec<_>>().join("; "));
    }
    let unreached = seen.iter().find_map(|one| match &one.verdict {
        Verdict::Unreached(words) => Some((one, words)),
        _ => None,
    });
    if let Some((one, words)) = unreached {
        return Finding::warn("unreached", "{host} isn't reached from {from}.")
            .with("host", &one.host)
            .with("from", one.from.words())
            .seen(words);
    }
    if seen.iter().all(|one| one.verdict == Verdict::Unasked) {
        return Finding::unknown("no_git", "Git is needed to look, and isn't installed.");
    }
    let mut places: Vec<_> =
        seen.iter().filter(|one| one.verdict == Verdict::Trusted).map(|one| one.from).collect();
    places.sort_unstable();
    places.dedup();
    let places = places.into_iter().map(From::words).collect::<Vec<_>>().join(", ");
    Finding::ok("trusted", "They verify.").seen(format!("from {places}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::CertificateOrigin, doctor::checks::tests::Tree};

    /// As they were printed.
    const GNUTLS: &str = "fatal: unable to access 'https://a.example/codchi-doctor/': server certificate verification failed. CAfile: none CRLfile: none";
    const OPENSSL: &str = "fatal: unable to access 'https://a.example/codchi-doctor/': SSL certificate problem: self-signed certificate";
    const EXPIRED: &str = "fatal: unable to access 'https://a.example/codchi-doctor/': SSL certificate problem: certificate has expired";
    const NAME: &str = "fatal: unable to access 'https://a.example/codchi-doctor/': SSL: no alternative certificate subject name matches target host name 'a.example'";
    const RESOLVE: &str =
        "fatal: unable to access 'https://a.example/codchi-doctor/': Could not resolve host: a.example";
    const RESET: &str =
        "fatal: unable to access 'https://a.example/codchi-doctor/': Recv failure: Connection reset by peer";
    const HANDSHAKE: &str = "fatal: unable to access 'https://a.example/codchi-doctor/': gnutls_handshake() failed: The TLS connection was non-properly terminated.";
    const ANSWERED: &str =
        "fatal: unable to access 'https://a.example/codchi-doctor/': The requested URL returned error: 503";
    const NO_REPOSITORY: &str = "fatal: repository 'https://a.example/codchi-doctor/' not found";
    const PASSWORD: &str =
        "fatal: could not read Username for 'https://a.example': terminal prompts disabled";

    #[test]
    fn gits_words_are_understood() {
        assert!(
            matches!(verdict(128, GNUTLS), Verdict::Untrusted(words) if words.starts_with("server certificate"))
        );
        assert!(
            matches!(verdict(128, OPENSSL), Verdict::Untrusted(words) if words == "SSL certificate problem: self-signed certificate")
        );
        assert!(matches!(verdict(128, NAME), Verdict::Untrusted(_)));
        assert!(matches!(verdict(128, EXPIRED), Verdict::Expired(_)));
        assert!(matches!(verdict(128, RESOLVE), Verdict::Unreached(_)));
        assert!(matches!(verdict(128, RESET), Verdict::Unreached(_)));
        assert!(matches!(verdict(128, HANDSHAKE), Verdict::Unreached(_)));
        assert_eq!(verdict(128, ANSWERED), Verdict::Trusted);
        assert_eq!(verdict(128, NO_REPOSITORY), Verdict::Trusted);
        assert_eq!(verdict(128, PASSWORD), Verdict::Trusted);
        assert_eq!(verdict(127, "env: git: not found"), Verdict::Unasked);
    }

    #[test]
    fn what_the_host_does_not_trust_comes_first() {
        let tree = Tree::new();
        tree.file("/usr/sbin/update-ca-certificates", "");
        let seen = |from, text| Seen { host: "a.example".into(), from, verdict: verdict(128, text) };
        let now = OffsetDateTime::now_utc();
        let look = |seen: &[Seen]| check(&tree.host(), seen, &[], now).about(SUBJECT).0;
        let told = look(&[seen(From::Controller, OPENSSL), seen(From::Host, OPENSSL)]);
        assert_eq!((told.reason.as_str(), told.parameters["from"].as_str()), ("untrusted", "this computer"));
        let fix = told.fix.unwrap();
        assert!(fix.needs_file && fix.elevates, "{fix:?}");
        assert_eq!(
            look(&[seen(From::Controller, OPENSSL), seen(From::Host, NO_REPOSITORY)]).reason,
            "not_passed_on"
        );
        let told = look(&[seen(From::Machine, EXPIRED), seen(From::Host, EXPIRED)]);
        assert_eq!((told.reason.as_str(), told.fix), ("expired", None), "its owner has to renew it");
        let told = look(&[seen(From::Host, GNUTLS), seen(From::Controller, EXPIRED)]);
        assert_eq!(told.reason, "expired", "who says why is believed");
        let told = look(&[seen(From::Machine, EXPIRED), seen(From::Host, EXPIRED)]);
        let words = "SSL certificate problem: certificate has expired";
        assert_eq!(told.evidence, format!("from a machine: {words}; from this computer: {words}"));
        assert_eq!(look(&[seen(From::Machine, OPENSSL)]).state, CheckState::Warn);
        assert_eq!(look(&[seen(From::Host, RESOLVE)]).reason, "unreached");
        assert_eq!(look(&[seen(From::Host, PASSWORD)]).reason, "trusted");
        assert_eq!(look(&[]).reason, "none");
    }

    #[test]
    fn an_authority_that_expires_is_said_before_and_after() {
        let tree = Tree::new();
        tree.file("/usr/sbin/update-ca-certificates", "");
        let now = OffsetDateTime::now_utc();
        let authority = |days| Certificate {
            der: vec![],
            subject: "CN=Acme".into(),
            expires: now + time::Duration::days(days),
            origin: CertificateOrigin::System,
        };
        let look = |days, seen: &[Seen]| {
            check(&tree.host(), seen, &[authority(400), authority(days)], now).about(SUBJECT).0
        };
        assert_eq!(look(30, &[]).reason, "none");
        let soon = look(3, &[]);
        assert_eq!((soon.reason.as_str(), soon.state), ("authority_expires", CheckState::Warn));
        let over = look(-3, &[]);
        assert_eq!(
            (over.reason.as_str(), over.parameters["subject"].as_str()),
            ("authority_expired", "CN=Acme")
        );
        assert!(over.fix.unwrap().needs_file);
        // What doesn't work goes before; then the authority may be why.
        let seen = [Seen { host: "a.example".into(), from: From::Host, verdict: verdict(128, EXPIRED) }];
        let told = look(-3, &seen);
        assert_eq!((told.reason.as_str(), told.fix.unwrap().id.as_str()), ("expired", "certificates"));
    }
}
