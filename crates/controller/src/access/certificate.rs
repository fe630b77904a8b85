//! Certificate authorities of this computer. They are public: they may be shown and written.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;
use time::OffsetDateTime;

/// Characters in a line of PEM.
const PEM_LINE: usize = 64;

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Whose it is, as `CN=…, O=…`.
    pub subject: String,
    /// Until when it is valid.
    pub expires: OffsetDateTime,
    /// Where it was found.
    pub origin: CertificateOrigin,
}

/// Where a certificate was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateOrigin {
    /// In a file.
    File(PathBuf),
    /// In the system's own store.
    System,
}

/// A certificate as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Whose it is, as `CN=…, O=…`.
    pub subject: String,
    /// Until when it is valid.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub expires: OffsetDateTime,
    /// Whether that is over.
    pub expired: bool,
    /// The file that it is in, or `system`.
    pub source: String,
}

impl Certificate {
    /// As text between its markers (RFC 7468), with a line end.
    pub fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        let mut body = BASE64.encode(&self.der);
        while !body.is_empty() {
            let rest = body.split_off(body.len().min(PEM_LINE));
            pem.push_str(&body);
            pem.push('\n');
            body = rest;
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// As it is shown.
    pub fn status(&self, now: OffsetDateTime) -> CertificateStatus {
        CertificateStatus {
            subject: crate::activity::plain(&self.subject),
            expires: self.expires,
            expired: self.expires < now,
            source: match &self.origin {
                CertificateOrigin::File(path) => crate::activity::plain(&path.to_string_lossy()),
                CertificateOrigin::System => "system".into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_has_short_lines() {
        let certificate = Certificate {
            der: (0..100).collect(),
            subject: "CN=\u{1b}[31mx".into(),
            expires: OffsetDateTime::UNIX_EPOCH,
            origin: CertificateOrigin::File("/a".into()),
        };
        let pem = certificate.pem();
        let lines: Vec<&str> = pem.lines().collect();
        assert_eq!((lines.len(), lines[1].len(), lines[3].len()), (5, 64, 8), "{pem}");
        let status = certificate.status(OffsetDateTime::now_utc());
        assert!(status.expired && !status.subject.contains('\u{1b}'), "{status:?}");
    }
}
