//! The CA bundle of the controller: the system's certificates and the host's extra ones in one file, for
//! nix-daemon, nix and git. The image's `/etc/ssl/certs/ca-certificates.crt` links to it, so that programs
//! started by exec trust the same certificates.
//!
//! Certificates are not checked here: what a file holds between its PEM markers goes in, OpenSSL judges it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The image's own certificates (Mozilla's, from Debian's ca-certificates).
pub(crate) const SYSTEM: &str = "/usr/share/ca-certificates/system.crt";
/// Where the host puts extra ones (`*.pem`, `*.crt`).
pub(crate) const EXTRA: &str = "/config/certificates";
/// The result.
pub(crate) const BUNDLE: &str = "/run/codchi/ca-bundle.crt";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM text, each with its markers; everything between them (comments, keys) is left out.
pub(crate) fn certificates(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let Some(len) = rest[start..].find(END) else { break };
        let end = start + len + END.len();
        found.push(&rest[start..end]);
        rest = &rest[end..];
    }
    found
}

/// Joins texts into one bundle: every certificate once, in the order given.
pub(crate) fn join<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut out = String::new();
    for certificate in texts.into_iter().flat_map(certificates) {
        if seen.insert(certificate) {
            out.push_str(&certificate.replace("\r\n", "\n"));
            out.push('\n');
        }
    }
    out
}

/// Reads the sources and replaces the bundle. A directory without extra certificates is fine.
///
/// # Errors
/// The system's bundle or an extra file cannot be read, or the bundle cannot be written.
pub(crate) fn write(system: &Path, extra: &Path, bundle: &Path) -> io::Result<()> {
    let mut texts = vec![read(system)?];
    for file in extra_files(extra)? {
        texts.push(read(&file)?);
    }
    // Whoever writes at the same time has its own.
    let new = bundle.with_extension(format!("new-{}", std::process::id()));
    let mut out = fs::File::create(&new)?;
    out.write_all(join(texts.iter().map(String::as_str)).as_bytes())?;
    fs::rename(&new, bundle)
}

fn read(file: &Path) -> io::Result<String> {
    fs::read(file)
        .map(|b| String::from_utf8_lossy(&b).into_owned())
        .map_err(|e| io::Error::new(e.kind(), format!("cannot read {}: {e}", file.display())))
}

fn extra_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() && matches!(path.extension().and_then(|e| e.to_str()), Some("pem" | "crt")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}\n")
    }

    #[test]
    fn only_certificates_go_in_each_once() {
        let text = format!(
            "# a comment\n{}-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n{}",
            pem("AAA"),
            pem("BBB")
        );
        let joined = join([text.as_str(), &pem("AAA")]);
        assert_eq!(joined, pem("AAA") + &pem("BBB"));
    }

    #[test]
    fn a_cut_off_certificate_is_left_out() {
        assert_eq!(join([format!("{}{BEGIN}\nCCC", pem("AAA")).as_str()]), pem("AAA"));
    }

    #[test]
    fn system_and_extra_files_are_joined_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (system, extra, bundle) =
            (dir.path().join("s.crt"), dir.path().join("extra"), dir.path().join("b.crt"));
        fs::write(&system, pem("SYS")).unwrap();
        write(&system, &extra, &bundle).unwrap();
        assert_eq!(fs::read_to_string(&bundle).unwrap(), pem("SYS"));
        fs::create_dir(&extra).unwrap();
        fs::write(extra.join("b.pem"), pem("B").replace('\n', "\r\n")).unwrap();
        fs::write(extra.join("a.crt"), pem("A")).unwrap();
        fs::write(extra.join("note.txt"), pem("N")).unwrap();
        write(&system, &extra, &bundle).unwrap();
        assert_eq!(fs::read_to_string(&bundle).unwrap(), pem("SYS") + &pem("A") + &pem("B"));
    }
}
