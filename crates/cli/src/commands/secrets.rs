//! `codchi secrets`: what a machine's modules ask for, and its values.

use std::io::Write as _;

use codchi_api::types::{
    AnswerArgs, MachineArgs, Nothing, SecretArgs, SecretList, StoreArgs, StoreStatus, UnlockArgs,
};
use codchi_controller::{
    failure::FailureCode,
    secret::{Answered, GivenAnswers, MAX_BYTES, SecretStatus, SecretValue, StoreKind, StoreState},
};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::modules::find;
use crate::{
    app::{App, machine_name},
    asking,
    exit::{Exit, Stop, failure},
    follow,
    show::{
        table::{Cell, Column, Table},
        text::{Tone, moment, printable},
    },
    signals::unless_ended,
};

/// Values that a machine's modules ask for. They are kept in the keyring and shown by nothing but `list --reveal`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SecretsCommand {
    /// Show what a machine's modules ask for, and what of it is set
    List {
        /// The machine
        #[arg(value_name = "NAME")]
        name: String,
        /// Only this secret
        #[arg(value_name = "SECRET")]
        secret: Option<String>,
        /// Print the secret's value, and nothing else
        #[arg(long, requires = "secret", conflicts_with = "json")]
        reveal: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Set a secret: asked for on a terminal, else read from stdin exactly as it comes
    Set {
        /// The machine
        #[arg(value_name = "NAME")]
        name: String,
        /// The secret
        #[arg(value_name = "SECRET")]
        secret: String,
        /// Print one JSON event a line
        #[arg(long)]
        json: bool,
    },
    /// Forget a secret's value
    Unset {
        /// The machine
        #[arg(value_name = "NAME")]
        name: String,
        /// The secret
        #[arg(value_name = "SECRET")]
        secret: String,
        /// Print one JSON event a line
        #[arg(long)]
        json: bool,
    },
    /// Show where secrets are kept, or keep them elsewhere from now on
    Store {
        /// The keyring of this session, or a file that a passphrase encrypts
        #[arg(value_name = "STORE")]
        store: Option<Store>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The stores that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Store {
    Keyring,
    Vault,
}

impl From<Store> for StoreKind {
    fn from(store: Store) -> Self {
        match store {
            Store::Keyring => Self::Keyring,
            Store::Vault => Self::Vault,
        }
    }
}

pub(crate) async fn run(app: &App, command: SecretsCommand) -> Result<Exit, Stop> {
    match command {
        SecretsCommand::List { name, secret: Some(secret), reveal: true, .. } => {
            reveal(app, name, secret).await
        }
        SecretsCommand::List { name, secret, json, .. } => list(app, name, secret, json).await,
        SecretsCommand::Set { name, secret, json } => set(app, name, secret, json).await,
        SecretsCommand::Unset { name, secret, json } => unset(app, name, secret, json).await,
        SecretsCommand::Store { store: None, json } => {
            let status = app.api.secret_store(Nothing {}).await?;
            show_store(app, &status, json);
            Ok(Exit::DONE)
        }
        SecretsCommand::Store { store: Some(store), json } => use_store(app, store.into(), json).await,
    }
}

async fn list(app: &App, name: String, only: Option<String>, json: bool) -> Result<Exit, Stop> {
    let machine = machine_name(&name)?;
    let SecretList { mut secrets, host_secrets } = app.api.secrets(MachineArgs { name }).await?;
    if let Some(only) = &only {
        secrets.retain(|secret| secret.name == *only);
        if secrets.is_empty() {
            let message = format!("the machine '{machine}' asks for no secret '{}'", printable(only));
            return Err(failure(FailureCode::SecretNotFound, message, None).into());
        }
    }
    let stdout = &app.screen.stdout;
    if json {
        let secrets: Vec<_> = secrets.iter().map(as_json).collect();
        stdout.json(&json!({ "secrets": secrets, "hostSecrets": host_secrets }));
        return Ok(Exit::DONE);
    }
    if secrets.is_empty() && host_secrets.is_empty() {
        stdout.line(format_args!("No module of {machine} asks for secrets."));
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::whole("SECRET"),
        Column::whole("VALUE"),
        Column::shrinking("IN THE MACHINE"),
        Column::shrinking("MODULE"),
    ]);
    for secret in &secrets {
        let (value, tone) = match (secret.changed, secret.optional) {
            (Some(changed), _) => (format!("set {}", moment(changed)), Tone::Good),
            (None, true) => ("optional".to_owned(), Tone::Quiet),
            (None, false) => ("missing".to_owned(), Tone::Bad),
        };
        let place = secret.request.env.as_ref().map(|env| format!("${env}"));
        let place = place.or_else(|| secret.request.path.clone()).unwrap_or_default();
        let module = secret.module.clone().unwrap_or_default();
        table.row([
            Cell::new(&secret.name, Tone::Strong),
            Cell::new(value, tone),
            Cell::new(place, Tone::Plain),
            Cell::new(module, Tone::Plain),
        ]);
    }
    if !secrets.is_empty() {
        stdout.lines(table.lines(stdout.paint, stdout.width()));
    }
    for host in host_secrets {
        let may = match host.allowed {
            Some(true) => "may use",
            Some(false) => "may not use",
            None => "asks to use",
        };
        stdout.line(format_args!("{machine} {may} {}.", asking::words(host.secret)));
    }
    Ok(Exit::DONE)
}

/// Exactly what the contract says, and never a value.
fn as_json(secret: &SecretStatus) -> serde_json::Value {
    let rfc3339 = |changed: OffsetDateTime| changed.format(&Rfc3339).ok();
    json!({
        "name": secret.name,
        "kind": secret.kind,
        "module": secret.module,
        "set": secret.set,
        "optional": secret.optional,
        "changed": secret.changed.and_then(rfc3339),
    })
}

async fn reveal(app: &App, name: String, secret: String) -> Result<Exit, Stop> {
    // The machine may be gone, and have left its secrets.
    machine_name(&name)?;
    app.open_store().await?;
    let value = app.api.reveal(&SecretArgs { name, secret }).await?;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(value.expose()).and_then(|()| match app.screen.stdout.is_terminal {
        true => out.write_all(b"\n"),
        false => Ok(()),
    });
    written.and_then(|()| out.flush()).map_err(|error| {
        let mut why = failure(FailureCode::Failed, "can't write the output", None);
        why.causes.push(error.to_string());
        Stop::from(why)
    })?;
    Ok(Exit::DONE)
}

async fn set(app: &App, name: String, secret: String, json: bool) -> Result<Exit, Stop> {
    let machine = find(app, &name).await?.name;
    let value = if app.screen.stdin_is_terminal {
        app.open_store().await?;
        match asking::passphrase(app, &format!("{}: ", printable(&secret))).await? {
            Some(value) => value,
            None => return Ok(Exit::CANCELLED),
        }
    } else {
        from_stdin(app, &secret).await?
    };
    let answers = GivenAnswers { secrets: [(secret.clone(), value)].into(), ..GivenAnswers::default() };
    let answered = app.api.answer(AnswerArgs { name, answers }).await?;
    said(app, json, answered, format!("The secret {} of {machine} is set", printable(&secret))).await
}

async fn from_stdin(app: &App, secret: &str) -> Result<SecretValue, Stop> {
    // One more than there may be, so that what is too long is refused and not cut.
    let read = unless_ended(app.screen.stdin.rest(MAX_BYTES + 1)).await?;
    let bytes = read.map_err(|error| {
        let mut why = failure(FailureCode::Failed, "can't read the value from stdin", None);
        why.causes.push(error.to_string());
        Stop::from(why)
    })?;
    SecretValue::new(bytes.to_vec()).map_err(|error| {
        Stop::usage(
            format!("the value for {} can't be used: {error}", printable(secret)),
            "nothing was changed",
        )
    })
}

async fn unset(app: &App, name: String, secret: String, json: bool) -> Result<Exit, Stop> {
    let machine = machine_name(&name)?;
    app.open_store().await?;
    let answered = app.api.secret_unset(SecretArgs { name, secret: secret.clone() }).await?;
    said(app, json, answered, format!("The secret {} of {machine} is forgotten", printable(&secret))).await
}

/// Tells what became of an answer, and follows what goes on because of it.
async fn said(app: &App, json: bool, answered: Answered, what: String) -> Result<Exit, Stop> {
    if !json {
        let more = if answered.delivered { ", and in the running machine" } else { "" };
        app.screen.stderr.line(format_args!("{what}{more}."));
    }
    if let Some(operation) = answered.operation {
        let operation = follow::to_the_end(app, json, operation).await?;
        app.outcome_warnings(&operation);
    }
    Ok(Exit::DONE)
}

async fn use_store(app: &App, kind: StoreKind, json: bool) -> Result<Exit, Stop> {
    let passphrase = match kind {
        StoreKind::Vault if app.screen.stdin_is_terminal => {
            let typed =
                asking::passphrase(app, "Passphrase of the vault (of a new one, where there is none): ")
                    .await?;
            let again = asking::passphrase(app, "Once more: ").await?;
            if typed.is_none() || typed != again {
                return Err(Stop::usage("the passphrases differ, or there is none", "nothing was changed"));
            }
            typed
        }
        _ => None,
    };
    let status = app.api.secret_store_use(StoreArgs { kind, passphrase }).await?;
    show_store(app, &status, json);
    Ok(Exit::DONE)
}

fn show_store(app: &App, status: &StoreStatus, json: bool) {
    if json {
        app.screen.stdout.json(status);
        return;
    }
    let place = match status.kind {
        StoreKind::Keyring => "the keyring of this session",
        StoreKind::Vault => "an encrypted file",
    };
    let state = match status.state {
        StoreState::Ready => "It can be used.",
        StoreState::Locked => "It is locked.",
        StoreState::Absent => "There is none yet.",
    };
    app.screen.stdout.line(format_args!("Secrets are kept in {place}. {state}"));
}

impl App {
    /// Opens the vault where it is used, is locked, and somebody can be asked. The keyring asks by itself when it is used.
    ///
    /// # Errors
    /// When the passphrase is wrong, or at Ctrl-C.
    pub(crate) async fn open_store(&self) -> Result<(), Stop> {
        if !self.screen.stdin_is_terminal {
            return Ok(());
        }
        let StoreStatus { kind, state } = self.api.secret_store(Nothing {}).await?;
        if kind == StoreKind::Vault && state == StoreState::Locked {
            let passphrase = asking::passphrase(self, "Passphrase of the vault: ").await?;
            self.api.secret_store_unlock(UnlockArgs { passphrase }).await?;
        }
        Ok(())
    }

    /// The same before something is done to a machine, if it has secrets whose values are needed for it. A machine that isn't there,
    /// or whose files can't be read, is left to what is done next.
    ///
    /// # Errors
    /// When the passphrase is wrong, or at Ctrl-C.
    pub(crate) async fn open_store_for(&self, machine: &str, json: bool) -> Result<(), Stop> {
        if !self.can_ask(json) {
            return Ok(());
        }
        match self.api.secrets(MachineArgs { name: machine.to_owned() }).await {
            Ok(list) if list.secrets.iter().any(|secret| secret.set) => self.open_store().await,
            _ => Ok(()),
        }
    }
}
