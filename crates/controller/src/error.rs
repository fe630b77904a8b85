//! What can go wrong in the domain, and how it reads: the one place where typed errors become [`Failure`]s.

use std::error::Error as _;

use crate::{
    access::Used,
    capability::CapabilityCheck,
    driver::{DriverError, DriverKind},
    failure::{Failure, FailureCode},
    files::FileError,
    machine::{MachineName, NameError},
    nix::{NixError, SourceError},
    operation::{Operation, OperationId},
    secret::{SealError, StoreError, StoreKind},
};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name isn't one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An address isn't one.
    #[error("that address can't be used: {0}")]
    Source(#[from] SourceError),
    /// An address contains a password.
    #[error("the address of {url} contains a password or token")]
    UrlHasCredentials {
        /// The address without it.
        url: String,
        /// The server that it is for.
        host: Option<String>,
    },
    /// An argument isn't valid.
    #[error("{0}")]
    Argument(String),
    /// The name is taken.
    #[error("there is already a machine '{existing}'")]
    AlreadyExists {
        /// The machine that has it, perhaps in another case.
        existing: MachineName,
    },
    /// There is a container of this name, but no machine.
    #[error("there is a container of '{machine}' without settings")]
    WithoutSettings {
        /// The name.
        machine: MachineName,
    },
    /// There is a machine with a container, but not what was built of it.
    #[error("there is a container of '{machine}', and it isn't known what was built of it")]
    NothingKnown {
        /// The name.
        machine: MachineName,
        /// Where it would be known.
        record: std::path::PathBuf,
    },
    /// No such machine.
    #[error("there is no machine '{name}'")]
    MachineNotFound {
        /// Its name.
        name: MachineName,
    },
    /// Another engine keeps the machine.
    #[error("{driver} keeps '{machine}', and the engine that was found now is {here}")]
    OtherEngine {
        /// The machine.
        machine: MachineName,
        /// Its engine.
        driver: DriverKind,
        /// The engine there is.
        here: DriverKind,
    },
    /// No such module.
    #[error("{place} has no module '{module}'")]
    ModuleNotFound {
        /// Where it was looked for: an address or a machine.
        place: String,
        /// Its name.
        module: String,
        /// The names there are.
        offered: Vec<String>,
    },
    /// A repository without modules.
    #[error("{url} offers no modules")]
    NoModules {
        /// Its address.
        url: String,
    },
    /// Modules that don't go together, or none chosen.
    #[error("{url} offers several modules; say which")]
    ChooseModule {
        /// Its address.
        url: String,
        /// The names there are.
        offered: Vec<String>,
    },
    /// A module can't be used.
    #[error("the module '{module}' of {url} can't be used: {cause}")]
    ModuleBroken {
        /// Its name.
        module: String,
        /// Its repository.
        url: String,
        /// Why.
        cause: String,
    },
    /// The name belongs to a machine whose making didn't end, and that is something else.
    #[error("'{machine}' is already the unfinished {}", of.as_deref().unwrap_or("beginning of another machine"))]
    OtherDraft {
        /// Its name.
        machine: MachineName,
        /// What it is to be.
        of: Option<String>,
    },
    /// What a machine is to be a copy of isn't there any more.
    #[error("'{machine}' is to be a copy of '{original}', which is not there any more")]
    OriginGone {
        /// The machine.
        machine: MachineName,
        /// The other one.
        original: MachineName,
    },
    /// A machine is being given another name.
    #[error("'{from}' is being renamed to '{to}', which isn't done yet")]
    RenameUnfinished {
        /// The name it had.
        from: MachineName,
        /// The name it gets.
        to: MachineName,
    },
    /// A file isn't a machine that can be imported.
    #[error("{} can't be imported: {reason}", path.display())]
    Archive {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        reason: String,
    },
    /// Secrets in such a file.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A machine's own files can't be read or written.
    #[error("the files of the instance '{instance}' couldn't be copied")]
    OwnFiles {
        /// The instance.
        instance: String,
        /// What was said there.
        output: Vec<String>,
    },
    /// No such operation.
    #[error("there is no operation {id}")]
    OperationNotFound {
        /// Its identity.
        id: OperationId,
    },
    /// Somebody else works on it.
    #[error("'{machine}' is being worked on")]
    Busy {
        /// The machine.
        machine: MachineName,
        /// What works on it.
        operation: Option<Box<Operation>>,
    },
    /// The machine must run.
    #[error("the machine '{machine}' doesn't run")]
    NotRunning {
        /// Its name.
        machine: MachineName,
    },
    /// The machine was never made.
    #[error("the machine '{machine}' was never built")]
    NotInstalled {
        /// Its name.
        machine: MachineName,
    },
    /// No image to make containers from.
    #[error("the images that belong to this Codchi weren't found")]
    NoImages,
    /// An image isn't what its manifest says.
    #[error("the image {path} is damaged: its sha256 isn't the one in manifest.json")]
    DamagedImage {
        /// Its file.
        path: std::path::PathBuf,
    },
    /// The controller doesn't become ready.
    #[error("the controller doesn't become ready")]
    ControllerNotReady {
        /// What its health report or its log says.
        report: String,
    },
    /// The controller doesn't take what it has from this computer.
    #[error("the controller couldn't be given this computer's certificates and proxy")]
    HostSettings {
        /// What it said.
        output: Vec<String>,
    },
    /// Switching failed; the previous generation runs again.
    #[error("the new system of '{machine}' couldn't be activated; {previous}")]
    Activation {
        /// The machine.
        machine: MachineName,
        /// What runs now, such as `generation 3 runs again`.
        previous: String,
        /// The last lines that the activation printed.
        output: Vec<String>,
    },
    /// The system doesn't come up.
    #[error("the system of '{machine}' didn't come up: {reason}")]
    Boot {
        /// The machine.
        machine: MachineName,
        /// What was seen.
        reason: String,
        /// The last lines of its console or journal.
        output: Vec<String>,
    },
    /// No such secret.
    #[error("the machine '{machine}' asks for no secret '{secret}'")]
    SecretNotFound {
        /// The machine.
        machine: MachineName,
        /// Its name.
        secret: String,
        /// The names there are.
        asked: Vec<String>,
    },
    /// The secret has no value.
    #[error("the secret '{secret}' of '{machine}' isn't set")]
    SecretNotSet {
        /// The machine.
        machine: MachineName,
        /// Its name.
        secret: String,
    },
    /// A value can't be what the module asks for.
    #[error("the value for '{secret}' can't be used: {reason}")]
    SecretUnfit {
        /// The secret's name.
        secret: String,
        /// Why.
        reason: String,
    },
    /// The machine doesn't take its secrets.
    #[error("the secrets of '{machine}' couldn't be delivered")]
    Delivery {
        /// The machine.
        machine: MachineName,
        /// What was said there.
        output: Vec<String>,
    },
    /// The host lacks what the machine can't do without.
    #[error("'{machine}' needs what this computer doesn't have: {}", names(missing))]
    MissingCapabilities {
        /// The machine.
        machine: MachineName,
        /// What is missing, and why.
        missing: Vec<CapabilityCheck>,
    },
    /// No such check.
    #[error("no check is called '{id}'")]
    NoSuchCheck {
        /// What was asked for.
        id: String,
        /// The checks that something mends now.
        known: Vec<String>,
    },
    /// A check is well.
    #[error("{title}: there is nothing to fix")]
    NothingToFix {
        /// What was checked.
        title: String,
    },
    /// Nothing is known that mends a check.
    #[error("{title}: nothing is known that fixes it by itself")]
    NoFix {
        /// What was checked.
        title: String,
        /// What was found, and what now.
        explanation: String,
    },
    /// A fix asks its user something.
    #[error("{title}: what fixes it has to be run in a terminal")]
    FixByHand {
        /// What was checked.
        title: String,
        /// The commands.
        commands: Vec<Vec<String>>,
    },
    /// A fix needs a file of the user's.
    #[error("the fix '{id}' needs a file")]
    FixNeedsFile {
        /// Which fix.
        id: String,
    },
    /// A command of a fix can't be started.
    #[error("can't run `{command}`")]
    FixStart {
        /// The command.
        command: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A command of a fix failed.
    #[error("`{command}` ended with {code}")]
    FixCommand {
        /// The command.
        command: String,
        /// Its exit code.
        code: i32,
    },
    /// A fix ran, and the check fails as before.
    #[error("{title} still fails: {explanation}")]
    StillFails {
        /// What was checked.
        title: String,
        /// What was found.
        explanation: String,
        /// What was seen.
        evidence: String,
    },
    /// The controller doesn't see the files of a machine.
    #[error(
        "'{machine}' may keep something that a collection of garbage would remove: its files can't be seen"
    )]
    GarbageUnknown {
        /// The machine.
        machine: MachineName,
    },
    /// A machine doesn't answer.
    #[error("'{machine}' doesn't answer what is asked in it")]
    NoAnswer {
        /// The machine.
        machine: MachineName,
    },
    /// The controller can't tell what machines keep.
    #[error("the controller can't tell what machines keep")]
    RootsUnknown {
        /// What it said.
        report: String,
    },
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A file of the host.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store of secrets.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// Nix.
    #[error(transparent)]
    Nix(NixError),
}

fn names(missing: &[CapabilityCheck]) -> String {
    missing.iter().map(|missing| missing.capability.as_str()).collect::<Vec<_>>().join(", ")
}

impl From<NixError> for Error {
    fn from(error: NixError) -> Self {
        match error {
            NixError::Cancelled => Self::Cancelled,
            NixError::Driver(error) => Self::Driver(error),
            error => Self::Nix(error),
        }
    }
}

impl Error {
    /// What kind of failure it is.
    pub fn code(&self) -> FailureCode {
        use FailureCode as Code;
        match self {
            Self::Name(_) => Code::InvalidName,
            Self::Source(_) => Code::InvalidUrl,
            Self::UrlHasCredentials { .. } => Code::UrlHasCredentials,
            Self::Argument(_) | Self::ChooseModule { .. } => Code::InvalidArgument,
            Self::AlreadyExists { .. } | Self::OtherDraft { .. } => Code::AlreadyExists,
            Self::WithoutSettings { .. } | Self::NothingKnown { .. } => Code::AlreadyExists,
            Self::OriginGone { .. } => Code::MachineNotFound,
            Self::RenameUnfinished { .. } | Self::OwnFiles { .. } => Code::Failed,
            Self::Archive { .. } => Code::InvalidFile,
            Self::Seal(SealError::WrongPassphrase) => Code::InvalidArgument,
            Self::Seal(_) => Code::InvalidFile,
            Self::MachineNotFound { .. } => Code::MachineNotFound,
            Self::ModuleNotFound { .. } => Code::ModuleNotFound,
            Self::NoModules { .. } => Code::NoModules,
            Self::ModuleBroken { .. } => Code::Evaluation,
            Self::OperationNotFound { .. } => Code::OperationNotFound,
            Self::Busy { .. } => Code::Busy,
            Self::OtherEngine { .. } => Code::EngineUnavailable,
            Self::NotRunning { .. } | Self::NotInstalled { .. } => Code::NotRunning,
            Self::NoImages | Self::DamagedImage { .. } => Code::ImageUnavailable,
            Self::HostSettings { .. } => Code::Failed,
            Self::Activation { .. } => Code::Activation,
            Self::Boot { .. } => Code::Boot,
            Self::SecretNotFound { .. } | Self::SecretNotSet { .. } => Code::SecretNotFound,
            Self::SecretUnfit { .. } => Code::InvalidArgument,
            Self::Store(StoreError::Absent { .. } | StoreError::Locked { .. }) => Code::StoreUnavailable,
            Self::Store(StoreError::Denied { .. } | StoreError::WrongPassphrase) => Code::StoreUnavailable,
            Self::Store(_) | Self::Delivery { .. } => Code::Failed,
            Self::MissingCapabilities { .. } => Code::MissingCapability,
            Self::NoSuchCheck { .. } | Self::FixNeedsFile { .. } => Code::InvalidArgument,
            Self::FixByHand { .. } => Code::InvalidArgument,
            Self::GarbageUnknown { .. } | Self::RootsUnknown { .. } | Self::NoAnswer { .. } => Code::Failed,
            Self::NothingToFix { .. } | Self::FixStart { .. } | Self::FixCommand { .. } => Code::Failed,
            Self::NoFix { .. } | Self::StillFails { .. } => Code::EngineUnavailable,
            Self::Cancelled => Code::Cancelled,
            Self::File(FileError::Damaged { .. } | FileError::Newer { .. }) => Code::InvalidFile,
            Self::File(FileError::Io { .. }) => Code::Failed,
            Self::Driver(DriverError::Unreachable { .. } | DriverError::Denied { .. })
            | Self::ControllerNotReady { .. } => Code::EngineUnavailable,
            Self::Driver(DriverError::NotRunning { .. }) => Code::NotRunning,
            Self::Driver(_) => Code::Failed,
            Self::Nix(error) => match error {
                NixError::Fetch { missing: true, .. } | NixError::Repository { .. } => {
                    Code::RepositoryNotFound
                }
                NixError::AccessDenied { .. } => Code::AccessDenied,
                NixError::Certificate { .. } => Code::Certificate,
                NixError::NoFlake { .. } => Code::NoFlake,
                NixError::Evaluation { .. } => Code::Evaluation,
                NixError::Build { .. } => Code::Build,
                NixError::Cancelled => Code::Cancelled,
                _ => Code::Failed,
            },
        }
    }

    /// What to do now.
    fn hints(&self) -> Vec<String> {
        let hint = |text: &str| vec![text.to_owned()];
        match self {
            Self::UrlHasCredentials { url, host } => match host {
                Some(host) => vec![format!("keep the token with `codchi login {host}`, then use {url}")],
                None => vec![format!("use {url}")],
            },
            Self::AlreadyExists { existing } => vec![
                format!("choose another name, or add modules to it with `codchi add {existing} URL`"),
                format!("remove it with `codchi delete {existing}`"),
            ],
            Self::WithoutSettings { machine } => vec![
                format!("`codchi delete {machine}` removes it with all files in it"),
                "where its settings are elsewhere, put them back; or choose another name".into(),
            ],
            Self::NothingKnown { machine, record } => vec![
                format!("where it was lost, put {} back from a backup", record.display()),
                format!("`codchi delete {machine}` removes both with all files in it"),
            ],
            Self::OtherDraft { machine, .. } => vec![
                format!("`codchi rebuild {machine}` goes on with it, `codchi delete {machine}` gives it up"),
                "or choose another name".into(),
            ],
            Self::OriginGone { machine, .. } => vec![format!("`codchi delete {machine}` gives it up")],
            Self::RenameUnfinished { from, to } => vec![format!("`codchi rename {from} {to}` finishes it")],
            Self::Seal(SealError::WrongPassphrase) => {
                hint("nothing was changed; it is the passphrase that was typed when the file was written")
            }
            Self::MachineNotFound { .. } => hint("`codchi status` lists all machines"),
            Self::ModuleNotFound { offered, .. } if !offered.is_empty() => {
                vec![format!("there are: {}", offered.join(", "))]
            }
            Self::ChooseModule { offered, .. } => vec![format!("choose from: {}", offered.join(", "))],
            Self::NoModules { .. } => hint(
                "a module is an output `nixosModules.NAME` or `codchiModules.NAME` of the repository's flake.nix",
            ),
            Self::Busy { machine, operation: Some(operation) } if operation.lacks_capabilities() => vec![
                "it waits for what this computer lacks, and looks now whether that was fixed".into(),
                format!("`codchi capabilities {machine}` shows what is missing"),
                format!("`codchi logs --operation {} --follow` shows how it goes on", operation.id),
            ],
            Self::Busy { operation, .. } => {
                let mut hints = hint("wait until it is done, or cancel it in the window");
                if let Some(operation) = operation {
                    hints.push(format!(
                        "`codchi logs --operation {} --follow` shows what it does",
                        operation.id
                    ));
                }
                hints
            }
            Self::OtherEngine { driver, .. } => vec![
                format!("start {driver}, or get access to it: `codchi doctor` says what is missing"),
                format!("where both are there, CODCHI_DRIVER={driver} chooses it"),
            ],
            Self::NotRunning { machine } => vec![format!("start it with `codchi start {machine}`")],
            Self::NotInstalled { machine } => vec![format!("build it with `codchi rebuild {machine}`")],
            Self::NoSuchCheck { known, .. } if !known.is_empty() => {
                vec![format!("what can be fixed now: {}", known.join(", "))]
            }
            Self::NoSuchCheck { .. } => {
                hint("`codchi doctor` lists the checks; nothing needs to be fixed now")
            }
            Self::NoFix { explanation, .. } => vec![explanation.clone()],
            Self::FixByHand { commands, .. } => {
                commands.iter().map(|argv| format!("run `{}`", argv.join(" "))).collect()
            }
            Self::NoAnswer { machine } => vec![format!("`codchi restart {machine} --force` starts it anew")],
            Self::GarbageUnknown { machine } => {
                vec![
                    format!(
                        "`codchi restart {machine}` shows them where the engine's storage pool is a directory"
                    ),
                    "its root directory must belong to root in it: `chown root:root /`, as root in the machine, mends that".into(),
                    "elsewhere make room by deleting machines, or by giving the pool more".into(),
                ]
            }
            Self::FixNeedsFile { .. } => {
                hint("name the certificate of your authority, a file in PEM format, with --file")
            }
            Self::FixStart { .. } | Self::FixCommand { .. } => {
                hint("run the command in a terminal, then check again with `codchi doctor`")
            }
            Self::StillFails { .. } => {
                hint("what the commands said is in the log of the operation; `codchi doctor` checks again")
            }
            Self::NoImages => hint("`cargo xtask image` makes them; CODCHI_IMAGE_DIR says where they are"),
            Self::DamagedImage { .. } => hint("install Codchi again"),
            Self::ControllerNotReady { .. } => hint("`codchi doctor` looks for the reason"),
            Self::Driver(DriverError::Unreachable { .. } | DriverError::Denied { .. }) => {
                hint("`codchi doctor` says what is missing and how to fix it")
            }
            Self::File(FileError::Newer { .. }) => hint("use the newer Codchi; the file was left as it is"),
            Self::File(FileError::Damaged { .. }) => hint("fix or remove the file; it was left as it is"),
            Self::Nix(NixError::AccessDenied { host, used, .. }) => denied(host, *used),
            Self::Nix(NixError::Certificate { host, .. }) => vec![
                format!(
                    "if {host} belongs to your company, add the certificate of its authority to this computer: {CERTIFICATES}"
                ),
                "`codchi access` shows the authorities that are brought to where sources are fetched".into(),
            ],
            Self::Nix(NixError::HostKey { host, changed: false }) => {
                vec![format!("run `ssh {host}` once, compare the key that it shows, and accept it")]
            }
            Self::Nix(NixError::HostKey { host, changed: true }) => vec![format!(
                "ask who runs {host} whether its key was changed; if it was, `ssh-keygen -R {host}` forgets the old one"
            )],
            Self::Nix(NixError::NoFlake { .. }) => hint(
                "Codchi reads modules from the flake.nix at the top of a repository; `?dir=` names another directory",
            ),
            Self::Nix(NixError::Fetch { missing: true, .. }) => hint(
                "check the address; a private repository looks like a missing one to those who may not see it: `codchi login HOST` keeps a token for its server",
            ),
            Self::Boot { output, .. } if output.iter().any(|line| line.contains("Too many open files")) => {
                hint(
                    "this computer allows too few inotify instances for so many machines: `sysctl fs.inotify.max_user_instances=1048576`",
                )
            }
            Self::SecretNotFound { asked, .. } if asked.is_empty() => {
                hint("no module of the machine asks for secrets")
            }
            Self::SecretNotFound { asked, .. } => vec![format!("there are: {}", asked.join(", "))],
            Self::SecretNotSet { machine, secret } => {
                vec![format!("set it with `codchi secrets set {machine} {secret}`")]
            }
            Self::Store(StoreError::Absent { kind: StoreKind::Keyring }) => vec![
                "start a keyring for this session, such as gnome-keyring or KWallet".to_owned(),
                "or keep secrets in a file that a passphrase encrypts: `codchi secrets store vault`"
                    .to_owned(),
            ],
            Self::Store(StoreError::Absent { kind: StoreKind::Vault } | StoreError::WrongPassphrase) => {
                hint("`codchi secrets store vault` asks for the passphrase")
            }
            Self::Store(StoreError::Locked { kind: StoreKind::Keyring } | StoreError::Denied { .. }) => {
                hint("unlock the keyring of this session, then run the same command again")
            }
            Self::Store(StoreError::Locked { kind: StoreKind::Vault }) => hint(
                "on a terminal its passphrase is asked for; CODCHI_VAULT_PASSPHRASE_FILE names a file that has it",
            ),
            Self::MissingCapabilities { machine, missing } => {
                let fixes = missing.iter().filter_map(|missing| missing.check.fix.as_ref());
                let commands = fixes.flat_map(|fix| &fix.commands).map(|argv| argv.join(" "));
                let mut hints: Vec<String> =
                    commands.map(|command| format!("as the administrator: `{command}`")).collect();
                let without: Vec<String> =
                    missing.iter().map(|missing| format!("--without {}", missing.capability)).collect();
                hints.push(format!(
                    "`codchi rebuild {machine} {}` builds it all the same, now and later",
                    without.join(" ")
                ));
                hints.push(format!("once it is fixed, `codchi rebuild {machine}` checks again"));
                hints
            }
            Self::Activation { machine, .. } => {
                vec![format!("fix the module, then run `codchi rebuild {machine}`")]
            }
            _ => vec![],
        }
    }

    fn details(&self) -> Vec<String> {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        match self {
            Self::RootsUnknown { report } => lines(report),
            Self::Nix(NixError::Build { last_lines, .. }) => last_lines.clone(),
            Self::Nix(NixError::Evaluation { trace, .. }) => lines(trace),
            Self::Nix(NixError::Failed { message, .. }) => lines(message),
            Self::Activation { output, .. } | Self::Boot { output, .. } | Self::Delivery { output, .. } => {
                output.clone()
            }
            Self::Nix(NixError::AccessDenied { reason, .. } | NixError::Certificate { reason, .. }) => {
                lines(reason)
            }
            Self::HostSettings { output } | Self::OwnFiles { output, .. } => output.clone(),
            Self::ControllerNotReady { report } => lines(report),
            Self::MissingCapabilities { missing, .. } => {
                let why = |CapabilityCheck { capability, check, .. }: &CapabilityCheck| {
                    format!("{capability}: {} ({})", check.explanation, check.evidence)
                };
                missing.iter().map(why).collect()
            }
            Self::StillFails { evidence, .. } => lines(evidence),
            _ => vec![],
        }
    }
}

/// Where a computer keeps authorities of its own.
const CERTIFICATES: &str = if cfg!(windows) {
    "install it for \"Trusted Root Certification Authorities\""
} else {
    "put it into /usr/local/share/ca-certificates (Debian, Ubuntu), /etc/pki/ca-trust/source/anchors (Fedora) or /etc/ca-certificates/trust-source/anchors (Arch), or name its file in NODE_EXTRA_CA_CERTS"
};

/// What to do where a server refused.
fn denied(host: &str, used: Used) -> Vec<String> {
    match used {
        Used::Nothing => vec![
            format!(
                "`codchi login {host}` keeps a token for it; what git or your SSH agent knows is used as well"
            ),
            "check the address".into(),
        ],
        Used::Token => vec![format!("`codchi login {host}` sets another token")],
        Used::GitCredentials => {
            vec![format!("sign in to {host} with git again, or set a token with `codchi login {host}`")]
        }
        Used::Agent => vec!["`ssh-add -l` shows the keys that the agent has; `ssh-add FILE` adds one".into()],
        Used::NoAgent => vec![
            "start an SSH agent, add the key with `ssh-add`, and begin again where SSH_AUTH_SOCK is set"
                .into(),
        ],
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        if let Error::Busy { operation: Some(operation), .. } = error {
            causes.push(operation.description());
        }
        let mut failure = Self {
            code: error.code(),
            message: error.to_string(),
            hints: error.hints(),
            causes,
            details: error.details(),
        };
        // What is cut in two isn't recognised any more.
        failure.redact(&crate::secret::known());
        failure.bound();
        failure
    }
}
