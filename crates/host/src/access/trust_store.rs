//! A trust store for Java: PKCS#12 with Mozilla's authorities and this computer's, because Java reads one store only.

use codchi_controller::access::Certificate;
use p12_keystore::{KeyStore, KeyStoreEntry, error::Error};

/// Java's own default, which its tools expect. What is in the store is public.
const PASSWORD: &str = "changeit";

/// The store's bytes. They differ each time: their encryption is salted.
pub(super) fn build(certificates: &[Certificate]) -> Result<Vec<u8>, Error> {
    let mut store = KeyStore::new();
    let usual = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| certificate.as_ref());
    let own = certificates.iter().map(|certificate| certificate.der.as_slice());
    for (kind, number, der) in usual
        .enumerate()
        .map(|(number, der)| ("mozilla", number, der))
        .chain(own.enumerate().map(|(number, der)| ("host", number, der)))
    {
        let certificate = p12_keystore::Certificate::from_der(der)?;
        store.add_entry(&format!("{kind}-{number:03}"), KeyStoreEntry::Certificate(certificate));
    }
    store.writer(PASSWORD).write()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use codchi_controller::access::CertificateOrigin;
    use p12_keystore::Pkcs12ImportPolicy;
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn java_finds_both_kinds_of_authorities() {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Acme Root");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let own = Certificate {
            der: own.der().to_vec(),
            subject: "CN=Acme Root".into(),
            expires: OffsetDateTime::now_utc(),
            origin: CertificateOrigin::System,
        };
        let bytes = build(std::slice::from_ref(&own)).unwrap();
        let count = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len() + 1;
        // Entries that Java wouldn't trust are ignored by this policy.
        let read = KeyStore::from_pkcs12(&bytes, PASSWORD, Pkcs12ImportPolicy::Relaxed).unwrap();
        assert_eq!(read.entries_len(), count);
        assert!(matches!(
            read.entry("host-000"),
            Some(KeyStoreEntry::Certificate(certificate)) if certificate.as_der() == own.der
        ));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("trust-store.p12");
        std::fs::write(&file, &bytes).unwrap();
        // Java's own tool says more, where there is one.
        let list = Command::new("keytool")
            .args(["-list", "-storetype", "PKCS12", "-storepass", PASSWORD, "-keystore"])
            .arg(&file)
            .output();
        if let Ok(output) = list {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}");
            assert!(said.contains(&format!("contains {count} entries")), "{said}");
            assert_eq!(said.matches("trustedCertEntry").count(), count, "{said}");
        }
    }
}
