//! What belongs to this computer and not to one run: its certificate authorities and its proxy, brought to the controller and to the
//! machines. The authorities are public. A proxy's address with a password isn't: the controller's daemon, whose environment others
//! could read, gets only addresses without one.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::{Certificate, Proxy};
use crate::{containers, controller::Controller, driver::Role, error::Error, files};

/// The format of the record that is written.
const VERSION: u64 = 1;

/// What the controller gets; the form is that of `ctrl-serve host`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HostSettings {
    certificates: String,
    proxy: String,
}

/// What the controller has, as far as it is known without asking it.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    /// The sha256 of the certificates, which outlive the controller's container.
    certificates: String,
    /// Whether it was given a proxy, which doesn't.
    proxy: bool,
}

/// What a machine is given of this computer.
pub(crate) struct MachineAccess {
    /// The authorities of this computer in PEM, one after the other.
    pub(crate) certificates: String,
    /// A trust store for Java (PKCS#12, password `changeit`) with the usual authorities as well.
    pub(crate) trust_store: Option<Vec<u8>>,
    /// Variables that name the proxy. An address may hold a password, as it does in this computer's environment.
    pub(crate) proxy: Vec<(String, String)>,
}

impl HostSettings {
    fn new(certificates: &[Certificate], proxy: &Proxy) -> Self {
        let variables = if proxy.is_empty() { Vec::new() } else { proxy.variables(true) };
        let lines = variables.into_iter().map(|(name, value)| format!("{name}={value}\n"));
        Self { certificates: pem(certificates), proxy: lines.collect() }
    }

    fn record(&self) -> Record {
        let certificates = if self.certificates.is_empty() {
            String::new()
        } else {
            BASE64.encode(Sha256::digest(self.certificates.as_bytes()))
        };
        Record { certificates, proxy: !self.proxy.is_empty() }
    }
}

fn pem(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::pem).collect()
}

impl Controller {
    /// Brings the controller, which runs, what it has from this computer. Nothing is asked of it when that is what it has.
    ///
    /// # Errors
    /// When the controller doesn't take it.
    pub(crate) async fn bring_host_settings(&self) -> Result<(), Error> {
        let settings = HostSettings::new(&self.user.certificates().await, &self.user.proxy());
        let mut brought = self.brought.lock().await;
        if brought.as_ref() == Some(&settings) {
            return Ok(());
        }
        let (path, record) = (self.brought_path(), settings.record());
        // A record that can't be read is one of nothing.
        let known: Record = files::read_versioned(&path, VERSION).ok().flatten().unwrap_or_default();
        if known != record || record.proxy {
            self.hand_over(&settings).await?;
            files::write_versioned(&path, VERSION, &record)?;
        }
        *brought = Some(settings);
        Ok(())
    }

    /// The controller was made anew, or started: it has no proxy, and where `emptied` no certificates either.
    pub(crate) async fn forget_brought(&self, emptied: bool) {
        *self.brought.lock().await = None;
        if emptied {
            // Without it, everything is brought again.
            let _ = std::fs::remove_file(self.brought_path());
        }
    }

    /// What a machine is given of this computer; `certificates` says whether it may have those.
    pub(crate) async fn machine_access(&self, certificates: bool) -> MachineAccess {
        let certificates = if certificates { self.user.certificates().await } else { Vec::new() };
        let trust_store = match certificates.is_empty() {
            true => None,
            false => self.user.trust_store(&certificates).await,
        };
        let proxy = self.user.proxy();
        let variables = if proxy.is_empty() { Vec::new() } else { proxy.variables(false) };
        MachineAccess {
            certificates: pem(&certificates),
            trust_store,
            proxy: variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn brought_path(&self) -> PathBuf {
        self.paths.data.join("host-settings.json")
    }

    async fn hand_over(&self, settings: &HostSettings) -> Result<(), Error> {
        let failed = |output: Vec<String>| Error::HostSettings { output };
        let json = serde_json::to_vec(settings).map_err(|error| failed(vec![error.to_string()]))?;
        let spec = containers::in_controller(["/bin/ctrl-serve", "host"]).piped();
        let mut exec = self.driver.exec(&Role::Controller.instance(), spec).await?;
        if let Some(mut stdin) = exec.stdin.take() {
            // A program that doesn't read to the end says why by its exit code.
            let _ = stdin.write_all(&json).await;
            let _ = stdin.shutdown().await;
        }
        let output = exec.output().await?;
        if output.code == 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(failed(said.lines().map(crate::activity::plain).collect()))
    }
}
