//! Asking, on a terminal, what an operation waits for.

use codchi_api::types::{AnswerArgs, MachineArgs, OperationArgs, UnlockArgs};
use codchi_controller::{
    capability::CapabilityCheck,
    doctor::Check,
    failure::{Failure, FailureCode},
    machine::MachineName,
    operation::Operation,
    secret::{AskedSecret, Asks, GivenAnswers, HostSecret, SecretValue, StoreKind},
};

use crate::{
    app::App,
    exit::{Exit, Stop, failure},
    hidden::{self, Typed},
    show::text::printable,
    signals::{INTERRUPT, unless_ended},
};

/// How asking ended.
pub(crate) enum Asked {
    /// It was answered.
    Answered,
    /// The user wants the operation to end.
    Cancelled,
    /// The user leaves; the operation waits.
    Left,
}

/// Asks for everything that an operation waits for, and gives the answers.
///
/// # Errors
/// When the answers can't be kept.
pub(crate) async fn ask(app: &App, operation: &Operation, asks: &Asks) -> Result<Asked, Stop> {
    let Some(machine) = &operation.machine else { return Ok(Asked::Left) };
    if let Some(kind) = asks.unlock {
        return unlock(app, kind).await;
    }
    loop {
        let given = match collect(app, machine, asks).await? {
            Ok(given) => given,
            Err(ended) => return Ok(ended),
        };
        match app.api.answer(AnswerArgs { name: machine.to_string(), answers: given }).await {
            Ok(_) => return Ok(Asked::Answered),
            // Nothing was kept, so everything is asked again.
            Err(why) if why.code == FailureCode::InvalidArgument => app.warn(&why.message),
            Err(why) => return Err(why.into()),
        }
    }
}

/// Asks for everything once; how asking ended where the user doesn't answer.
async fn collect(app: &App, machine: &MachineName, asks: &Asks) -> Result<Result<GivenAnswers, Asked>, Stop> {
    let mut given = GivenAnswers::default();
    for check in &asks.capabilities {
        match ask_capability(app, machine, check.clone()).await? {
            Decided::Without => {
                let id = check.id.strip_prefix("capability.").unwrap_or(&check.id);
                given.without.insert(id.to_owned());
            }
            // What is open is looked at anew.
            Decided::There => return Ok(Ok(given)),
            Decided::Ended(asked) => return Ok(Err(asked)),
        }
    }
    for secret in &asks.secrets {
        match ask_secret(app, machine, secret).await? {
            Answer::Value(value) => drop(given.secrets.insert(secret.name.clone(), value)),
            Answer::Later => drop(given.later.insert(secret.name.clone())),
            Answer::Ended(asked) => return Ok(Err(asked)),
        }
    }
    for secret in &asks.host_secrets {
        match hidden(app, &format!("May {machine} use {}? [y/N] ", words(*secret))).await? {
            Typed::Line(answer) => drop(given.host_secrets.insert(*secret, is_yes(&answer))),
            Typed::Interrupted => return Ok(Err(Asked::Cancelled)),
            Typed::Left => return Ok(Err(Asked::Left)),
        }
    }
    Ok(Ok(given))
}

enum Decided {
    Without,
    There,
    Ended(Asked),
}

/// Asks what to do without a capability, until it is there or the user decides.
async fn ask_capability(app: &App, machine: &MachineName, mut check: Check) -> Result<Decided, Stop> {
    loop {
        app.screen.stderr.line(format_args!("{} needs {}: {}", machine, check.title, check.explanation));
        match hidden(app, "Build it without, or check again? [y/c/N] ").await? {
            Typed::Line(answer) if is_yes(&answer) => return Ok(Decided::Without),
            Typed::Line(answer) if is_one_of(&answer, &["c", "check"]) => {
                let list = app.api.capabilities(MachineArgs { name: machine.to_string() }).await?;
                let mut open = list.capabilities.into_iter().filter(CapabilityCheck::prevents_build);
                match open.find(|open| open.check.id == check.id) {
                    Some(open) => check = open.check,
                    None => return Ok(Decided::There),
                }
            }
            Typed::Left => return Ok(Decided::Ended(Asked::Left)),
            _ => return Ok(Decided::Ended(Asked::Cancelled)),
        }
    }
}

enum Answer {
    Value(SecretValue),
    Later,
    Ended(Asked),
}

async fn ask_secret(app: &App, machine: &MachineName, secret: &AskedSecret) -> Result<Answer, Stop> {
    let stderr = &app.screen.stderr;
    let by =
        secret.module.as_ref().map(|module| format!(" (module {})", printable(module))).unwrap_or_default();
    stderr.line(format_args!("{machine} asks for the secret {}{by}:", printable(&secret.name)));
    stderr.lines(secret.request.description.trim().lines().map(|line| format!("  {}", printable(line))));
    let later = if secret.request.optional { " (empty: later)" } else { "" };
    loop {
        let value = match hidden(app, &format!("{}{later}: ", printable(&secret.name))).await? {
            Typed::Line(value) => value,
            Typed::Interrupted => return Ok(Answer::Ended(Asked::Cancelled)),
            Typed::Left => return Ok(Answer::Ended(Asked::Left)),
        };
        match SecretValue::new(value.to_vec()) {
            Ok(value) => return Ok(Answer::Value(value)),
            Err(_) if value.is_empty() && secret.request.optional => return Ok(Answer::Later),
            Err(error) => stderr.line(format_args!("{error}")),
        }
    }
}

/// Opens the store of secrets: the keyring by the system's prompt, the vault by its passphrase.
///
/// # Errors
/// When it can't be opened at all.
pub(crate) async fn unlock(app: &App, kind: StoreKind) -> Result<Asked, Stop> {
    let passphrase = match kind {
        StoreKind::Keyring => {
            app.screen.stderr.line("The keyring is locked; your desktop asks for its password.");
            None
        }
        StoreKind::Vault => match hidden(app, "Passphrase of the vault: ").await? {
            Typed::Line(typed) => SecretValue::new(typed.to_vec()).ok(),
            Typed::Interrupted => return Ok(Asked::Cancelled),
            Typed::Left => return Ok(Asked::Left),
        },
    };
    app.api.secret_store_unlock(UnlockArgs { passphrase }).await?;
    Ok(Asked::Answered)
}

/// A passphrase, typed without being shown; `None` when the user leaves, or gives an empty one.
///
/// # Errors
/// When there is no terminal, or at Ctrl-C.
pub(crate) async fn passphrase(app: &App, prompt: &str) -> Result<Option<SecretValue>, Stop> {
    match hidden(app, prompt).await? {
        Typed::Line(typed) => Ok(SecretValue::new(typed.to_vec()).ok()),
        Typed::Interrupted => Err(Stop::signalled(INTERRUPT)),
        Typed::Left => Ok(None),
    }
}

/// One hidden line, and the end of it on the screen.
async fn hidden(app: &App, prompt: &str) -> Result<Typed, Stop> {
    let typed = hidden::read_line(&app.screen.stdin, || app.screen.stderr.text(prompt)).await;
    let typed = typed.map_err(|error| unreadable(&error))?;
    app.screen.stderr.line("");
    Ok(typed)
}

fn unreadable(error: &std::io::Error) -> Stop {
    let mut why = failure(FailureCode::Failed, "can't ask on this terminal", None);
    why.causes.push(error.to_string());
    why.into()
}

/// Asks a question that only a clear yes answers with yes.
///
/// # Errors
/// When this process is asked to end, or the terminal can't be read.
pub(crate) async fn confirm(app: &App, question: &str) -> Result<bool, Stop> {
    app.screen.stderr.text(&format!("{question} [y/N] "));
    let answer = unless_ended(app.screen.stdin.line()).await?;
    Ok(is_yes(&answer.map_err(|error| unreadable(&error))?))
}

fn is_yes(answer: &[u8]) -> bool {
    is_one_of(answer, &["y", "yes"])
}

fn is_one_of(answer: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| answer.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// What of the user's a machine wants to use.
pub(crate) fn words(secret: HostSecret) -> &'static str {
    match secret {
        HostSecret::CaCertificates => "the certificate authorities that this computer trusts",
        HostSecret::SshAgent => "your SSH agent (to sign with your keys, not to read them)",
        HostSecret::GitCredentials => "your git credentials, to fetch its modules",
        HostSecret::NixAccessTokens => "your tokens for servers, to fetch its modules",
    }
}

/// Why a command ends while its operation waits.
pub(crate) fn waits(operation: &Operation, asks: &Asks) -> Stop {
    let machine = operation.machine.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut why = Failure {
        code: FailureCode::InputNeeded,
        message: format!("{machine} waits for an answer, and here is no terminal to ask on"),
        hints: vec![],
        causes: vec![],
        details: vec![],
    };
    for secret in asks.secrets.iter().filter(|secret| !secret.request.optional) {
        why.hints.push(format!("`codchi secrets set {machine} {}` reads its value from stdin", secret.name));
    }
    for check in &asks.capabilities {
        let id = check.id.strip_prefix("capability.").unwrap_or(&check.id);
        why.causes.push(format!("{}: {}", check.title, check.explanation));
        why.hints.push(format!("`codchi rebuild {machine} --without {id}` builds it all the same"));
    }
    if !asks.capabilities.is_empty() {
        why.hints.push(format!("once it is fixed, `codchi rebuild {machine}` checks again"));
    }
    if asks.unlock == Some(StoreKind::Vault) {
        why.hints.push("CODCHI_VAULT_PASSPHRASE_FILE names a file that has the vault's passphrase".into());
    }
    if asks.unlock == Some(StoreKind::Keyring) {
        why.hints.push("unlock the keyring of this session".into());
    }
    why.hints.push(format!("then it goes on; `codchi logs {machine} --follow` shows how"));
    Stop { exit: Exit::of(why.code), failure: Some(why) }
}

/// Asks the operation to end.
///
/// # Errors
/// When there is no such operation.
pub(crate) async fn cancel(app: &App, operation: &Operation) -> Result<(), Stop> {
    app.api.operation_cancel(OperationArgs { id: operation.id }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        assert!(is_yes(b"y\n") && is_yes(b" YES \r\n"));
        assert!(!is_yes(b"\n") && !is_yes(b"no\n") && !is_yes(b"yesterday\n") && !is_yes(b""));
    }
}
