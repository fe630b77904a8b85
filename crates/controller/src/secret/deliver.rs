//! Bringing values into a machine that runs: streamed over stdin of `ctrl-serve deliver`, which writes them into a tmpfs.
//!
//! The form is that program's (`crates/ctrl-serve/src/deliver.rs`); it replaces all that was delivered before.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroizing;

use super::{HostSecret, SecretId, StoreError, StoreState};
use crate::{
    capability, containers,
    controller::Controller,
    driver::{DriverError, InstanceState, Role},
    error::Error,
    machine::MachineName,
    nix::{HostSecretRequests, Requirements},
};

/// The format of a delivery.
const VERSION: u32 = 1;

/// How long the machine may take until it can be delivered to.
const TIMEOUT_MS: &str = "60000";

/// How long a delivery may take to end that nobody wants any more: it would write what is old by then.
const GRACE: Duration = Duration::from_secs(3);

/// Everything that a machine is given at its start.
#[derive(Serialize)]
pub(crate) struct Delivery {
    version: u32,
    env: Vec<Variable>,
    files: Vec<SecretFile>,
    certificates: Option<Zeroizing<String>>,
    trust_store: Option<Zeroizing<String>>,
    /// For the X clients of a machine that is given the display. Not there, it isn't said: machines of older releases don't know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    x_authority: Option<Zeroizing<String>>,
    /// What is asked for, needed, and not set.
    #[serde(skip)]
    pub(crate) missing: Vec<String>,
}

#[derive(Serialize)]
struct Variable {
    name: String,
    value: Zeroizing<String>,
}

#[derive(Serialize)]
struct SecretFile {
    name: String,
    owner: Option<String>,
    group: Option<String>,
    mode: Option<String>,
    value: Zeroizing<String>,
}

impl Controller {
    /// Reads what a machine is to be given from the store; `None` when its modules ask for nothing.
    ///
    /// # Errors
    /// When the store can't be used.
    pub(crate) async fn prepare_delivery(
        &self,
        name: &MachineName,
        requirements: &Requirements,
    ) -> Result<Option<Delivery>, Error> {
        // The agent as a capability is a device of the container.
        let asks =
            !requirements.secrets.is_empty() || requirements.host_secrets != HostSecretRequests::default();
        let answers = self.machines.answers(name)?;
        let cookie = capability::display_cookie(&*self.host, requirements, &answers);
        // The proxy is no secret that a module asks for: without it nothing in the machine reaches the network.
        if !asks && cookie.is_none() && self.user.proxy().is_empty() {
            return Ok(None);
        }
        let mut delivery = Delivery {
            version: VERSION,
            env: vec![],
            files: vec![],
            certificates: None,
            trust_store: None,
            x_authority: cookie.map(|cookie| cookie.to_base64()),
            missing: vec![],
        };
        for (secret, request) in &requirements.secrets {
            let id = SecretId::Machine { machine: name.clone(), secret: secret.clone() };
            let value = match answers.set_since(secret) {
                Some(_) => self.read_value(&id).await?,
                None => None,
            };
            let Some(value) = value else {
                if !request.optional {
                    delivery.missing.push(secret.clone());
                }
                continue;
            };
            let value = value.to_base64();
            match &request.env {
                Some(variable) if request.kind == "env" => {
                    delivery.env.push(Variable { name: variable.clone(), value });
                }
                _ => delivery.files.push(SecretFile {
                    name: secret.clone(),
                    owner: request.owner.clone(),
                    group: request.group.clone(),
                    mode: request.mode.clone(),
                    value,
                }),
            }
        }
        let allowed = answers.host_secrets.get(&HostSecret::CaCertificates) == Some(&true);
        self.add_access(&mut delivery, requirements.host_secrets.ca_certificates && allowed).await;
        Ok(Some(delivery))
    }

    /// Adds what the machine gets of this computer. What a module asks for by the same name counts more.
    async fn add_access(&self, delivery: &mut Delivery, certificates: bool) {
        let access = self.machine_access(certificates).await;
        for (name, value) in access.proxy {
            if delivery.env.iter().all(|variable| variable.name != name) {
                let value = Zeroizing::new(BASE64.encode(Zeroizing::new(value).as_bytes()));
                delivery.env.push(Variable { name, value });
            }
        }
        if !access.certificates.is_empty() {
            delivery.certificates = Some(Zeroizing::new(BASE64.encode(&access.certificates)));
            delivery.trust_store = access.trust_store.map(|store| Zeroizing::new(BASE64.encode(store)));
        }
    }

    /// A value; a store that is locked is opened by the system's prompt where it has one.
    pub(crate) async fn read_value(&self, id: &SecretId) -> Result<Option<super::SecretValue>, Error> {
        let store = self.store()?;
        match store.get(id).await {
            Err(StoreError::Locked { .. }) if store.state().await == StoreState::Locked => {
                store.unlock(None).await?;
                Ok(store.get(id).await?)
            }
            other => Ok(other?),
        }
    }

    /// The store, opened by the system's prompt where it is locked and has one.
    pub(crate) async fn open_store(&self) -> Result<&std::sync::Arc<dyn super::SecretStore>, Error> {
        let store = self.store()?;
        if store.state().await == StoreState::Locked {
            store.unlock(None).await?;
        }
        Ok(store)
    }

    /// Hands a delivery to a machine that runs. Dropped before its end, it is ended there too.
    ///
    /// # Errors
    /// When the machine doesn't take it.
    pub(crate) async fn deliver(&self, name: &MachineName, delivery: &Delivery) -> Result<(), Error> {
        self.stream_delivery(name, delivery, &[]).await
    }

    /// The same to a machine that is about to get the users whom the values belong to.
    ///
    /// # Errors
    /// When the machine doesn't take it, or the users don't come.
    pub(crate) async fn deliver_to_new_users(
        &self,
        name: &MachineName,
        delivery: &Delivery,
    ) -> Result<(), Error> {
        self.stream_delivery(name, delivery, &["--await-accounts"]).await
    }

    async fn stream_delivery(
        &self,
        name: &MachineName,
        delivery: &Delivery,
        options: &[&str],
    ) -> Result<(), Error> {
        let action = || format!("deliver the secrets of '{name}'");
        let bytes = serde_json::to_vec(delivery)
            .map(Zeroizing::new)
            .map_err(|error| DriverError::Interrupted { action: action(), source: Box::new(error) })?;
        let argv =
            [&[containers::MACHINE_CTRL_SERVE, "deliver", "--timeout-ms", TIMEOUT_MS], options].concat();
        let instance = Role::Machine(name.clone()).instance();
        let exec = self.driver.exec(&instance, containers::in_machine(argv).piped()).await?;
        let mut exec = exec.ended_when_dropped(GRACE);
        if let Some(mut stdin) = exec.stdin.take() {
            // A program that doesn't read to the end says why by its exit code.
            let _ = stdin.write_all(&bytes).await;
            let _ = stdin.shutdown().await;
        }
        let output = exec.output().await?;
        if output.code == 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Error::Delivery {
            machine: name.clone(),
            output: said.lines().map(crate::activity::plain).collect(),
        })
    }

    /// Brings the values to a machine that runs; whether it does.
    ///
    /// # Errors
    /// When the store can't be used, or the machine doesn't take them.
    pub async fn deliver_if_running(&self, name: &MachineName) -> Result<bool, Error> {
        self.exists_here(name)?;
        let requirements = self.machines.record(name)?.given();
        let runs =
            self.instance(name).await?.is_some_and(|instance| instance.state == InstanceState::Running);
        if !runs {
            return Ok(false);
        }
        match self.prepare_delivery(name, &requirements).await? {
            None => Ok(false),
            Some(delivery) => self.deliver(name, &delivery).await.map(|()| true),
        }
    }
}
