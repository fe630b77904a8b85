//! The certificate authorities that this computer trusts beyond Mozilla's, which the controller has itself.
//!
//! On Linux they are the files that the administrator adds, at the places where the distributions have them, and the bundles that the
//! environment names for other programs. On Windows they are those of the system's store.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use codchi_controller::access::{Certificate, CertificateOrigin};
use time::OffsetDateTime;
use x509_parser::{pem::Pem, prelude::FromDer, prelude::X509Certificate};

use crate::Environment;

/// Directories in place of the system's, with the separator of `PATH`.
const DIRECTORIES: &str = "CODCHI_CA_DIR";
/// Where an administrator puts authorities: Debian and SUSE's `update-ca-certificates`, Fedora, SUSE, Arch.
const SYSTEM: [&str; 4] = [
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust/source/anchors",
    "/etc/pki/trust/anchors",
    "/etc/ca-certificates/trust-source/anchors",
];
/// Bundles for Node.js, Nix and OpenSSL.
const BUNDLES: [&str; 3] = ["NODE_EXTRA_CA_CERTS", "NIX_SSL_CERT_FILE", "SSL_CERT_FILE"];
/// Debian's copies of Mozilla's, older or newer ones than ours.
const MOZILLAS: &str = "/usr/share/ca-certificates";
/// No more than these are taken.
const MOST: usize = 500;
/// A larger file is no certificate and no bundle.
const LARGEST: u64 = 4 << 20;
/// How deep directories are looked into.
const DEPTH: usize = 4;

/// All of them, each once.
pub(super) fn collect(environment: &Environment) -> Vec<Certificate> {
    collect_beyond(environment, Path::new(MOZILLAS))
}

fn collect_beyond(environment: &Environment, mozillas: &Path) -> Vec<Certificate> {
    let directories: Vec<PathBuf> = match environment.path(DIRECTORIES) {
        Some(named) => std::env::split_paths(&named).collect(),
        None => SYSTEM.map(PathBuf::from).to_vec(),
    };
    let mut found: Vec<(Vec<u8>, CertificateOrigin)> = Vec::new();
    for file in directories.iter().flat_map(|directory| files(directory, DEPTH)) {
        found.extend(read(&file).into_iter().map(|der| (der, CertificateOrigin::File(file.clone()))));
    }
    found.extend(system().into_iter().map(|der| (der, CertificateOrigin::System)));
    // Often all of them name the same one.
    let mut bundles: Vec<PathBuf> = Vec::new();
    for bundle in BUNDLES.iter().filter_map(|name| environment.path(name)) {
        if !bundles.contains(&bundle) {
            bundles.push(bundle);
        }
    }
    for file in bundles {
        found.extend(read(&file).into_iter().map(|der| (der, CertificateOrigin::File(file.clone()))));
    }
    if found.is_empty() {
        return Vec::new();
    }
    let mut seen: BTreeSet<Vec<u8>> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| certificate.to_vec()).collect();
    // What is in a bundle only because it was in Mozilla's once isn't the administrator's.
    if found.len() > MOST / 10 {
        seen.extend(files(mozillas, DEPTH).iter().flat_map(|file| read(file)));
    }
    let mut certificates: Vec<Certificate> =
        found.into_iter().filter(|(der, _)| seen.insert(der.clone())).filter_map(understand).collect();
    if certificates.len() > MOST {
        tracing::warn!(found = certificates.len(), taken = MOST, "too many certificate authorities");
        certificates.truncate(MOST);
    }
    certificates
}

/// The files of a directory and those below it, in a fixed order.
fn files(directory: &Path, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && depth > 0 => files(&path, depth - 1),
            Ok(metadata) if metadata.is_file() => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// The certificates of a file: PEM with any number of them, or one in DER.
fn read(file: &Path) -> Vec<Vec<u8>> {
    let small = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST);
    let Some(bytes) = small.then(|| fs::read(file).ok()).flatten() else { return Vec::new() };
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return match X509Certificate::from_der(&bytes) {
            Ok(([], _)) => vec![bytes],
            _ => Vec::new(),
        };
    }
    // A part that isn't one, such as a key, is left out.
    Pem::iter_from_buffer(&bytes)
        .filter_map(Result::ok)
        .filter(|pem| matches!(pem.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(|pem| pem.contents)
        .collect()
}

/// `None` for what isn't the certificate of an authority: OpenSSL would take a bundle with a broken one for broken.
fn understand((der, origin): (Vec<u8>, CertificateOrigin)) -> Option<Certificate> {
    let (rest, certificate) = X509Certificate::from_der(&der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let subject = certificate.subject().to_string();
    let expires = OffsetDateTime::from_unix_timestamp(certificate.validity().not_after.timestamp()).ok()?;
    Some(Certificate { subject, expires, der, origin })
}

/// Those of the system's own store.
#[cfg(windows)]
fn system() -> Vec<Vec<u8>> {
    rustls_native_certs::load_native_certs()
        .certs
        .into_iter()
        .map(|certificate| certificate.to_vec())
        .collect()
}

/// Linux has files only.
#[cfg(not(windows))]
fn system() -> Vec<Vec<u8>> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(name: &str) -> rcgen::Certificate {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.not_after = rcgen::date_time_ymd(2040, 1, 1);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap()
    }

    fn subjects(environment: &[(&str, &Path)], mozillas: &Path) -> Vec<String> {
        let environment: Environment =
            environment.iter().map(|(name, value)| (name.into(), value.as_os_str().to_owned())).collect();
        collect_beyond(&environment, mozillas).into_iter().map(|certificate| certificate.subject).collect()
    }

    #[test]
    fn files_and_bundles_are_read_and_each_authority_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("ca/below")).unwrap();
        let [one, two, three, four] = ["One", "Two", "Three", "Four"].map(authority);
        fs::write(at("ca/below/one.crt"), one.pem()).unwrap();
        fs::write(at("ca/two.der"), two.der()).unwrap();
        fs::write(at("ca/readme.txt"), "no certificate").unwrap();
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let mozilla = Certificate {
            der: webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].to_vec(),
            subject: String::new(),
            expires: OffsetDateTime::UNIX_EPOCH,
            origin: CertificateOrigin::System,
        };
        let bundle = [mozilla.pem(), key, three.pem(), broken.into(), one.pem()].concat();
        fs::write(at("bundle.pem"), bundle).unwrap();
        fs::write(at("node.pem"), four.pem()).unwrap();
        let (ca, bundle, node) = (at("ca"), at("bundle.pem"), at("node.pem"));
        let all = [
            ("CODCHI_CA_DIR", ca.as_path()),
            ("SSL_CERT_FILE", bundle.as_path()),
            ("NODE_EXTRA_CA_CERTS", node.as_path()),
        ];
        assert_eq!(subjects(&all, &at("none")), ["CN=One", "CN=Two", "CN=Four", "CN=Three"]);
        let missing = [("CODCHI_CA_DIR", Path::new("/no/such")), ("SSL_CERT_FILE", Path::new("/no/such"))];
        assert!(subjects(&missing, &at("none")).is_empty());
    }

    #[test]
    fn what_it_is_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.crt"), authority("Acme Root").pem()).unwrap();
        let environment: Environment =
            [("CODCHI_CA_DIR".into(), dir.path().as_os_str().to_owned())].into_iter().collect();
        let [certificate] = collect(&environment).try_into().unwrap();
        assert_eq!(certificate.expires.year(), 2040);
        assert_eq!(certificate.origin, CertificateOrigin::File(dir.path().join("a.crt")));
        let parsed = Pem::iter_from_buffer(certificate.pem().as_bytes()).next().unwrap().unwrap();
        assert_eq!(parsed.contents, certificate.der);
    }
}
