//! What commands take and give, where it isn't a type of the domain. JSON shapes exist here and nowhere else.

pub use codchi_controller::event::Event;
use codchi_controller::{
    activity::{Activity, ActivityId, LogLine},
    capability::CapabilityCheck,
    diagnostics::BundleFile,
    driver::DriverKind,
    nix::Generation,
    operation::{Operation, OperationId},
    secret::{AskFor, GivenAnswers, HostSecretStatus, SecretStatus, SecretValue, StoreKind, StoreState},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Arguments that may hold secrets: they are read, never written.
macro_rules! confidential {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        $vis struct $name { $($body)* }
    )*};
}

macro_rules! wire {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident { $($body:tt)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS))]
        #[serde(rename_all = "camelCase")]
        $vis struct $name { $($body)* }
    )*};
}

wire! {
    /// For commands that need nothing.
    #[derive(Default)]
    pub struct Nothing {}

    /// The address of a repository, as typed.
    pub struct SourceArgs {
        /// What the user typed or pasted.
        pub url: String,
        /// A branch to follow instead of the default one.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub branch: Option<String>,
        /// A tag to stay at.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub tag: Option<String>,
        /// A commit to stay at.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub rev: Option<String>,
    }

    /// A module of a machine.
    pub struct ModuleArgs {
        /// The machine.
        pub name: String,
        /// The module's name in it.
        pub module: String,
    }

    /// A machine.
    pub struct MachineArgs {
        /// Its name.
        pub name: String,
    }

    /// A machine to remove.
    pub struct DeleteArgs {
        /// Its name.
        pub name: String,
        /// Whether its secrets stay in the keyring.
        #[serde(default)]
        pub keep_secrets: bool,
    }

    /// A machine that gets another name.
    pub struct RenameArgs {
        /// The name that it has.
        pub name: String,
        /// The name that it gets.
        pub new_name: String,
    }

    /// A file that a machine was exported to.
    pub struct ArchiveArgs {
        /// Its absolute path.
        pub path: String,
    }

    /// A secret of a machine.
    pub struct SecretArgs {
        /// The machine.
        pub name: String,
        /// The secret's name in it.
        pub secret: String,
    }

    /// A host of repositories.
    pub struct TokenArgs {
        /// Its name, with its port where that isn't the usual one.
        pub host: String,
    }

    /// Whether secrets were delivered.
    pub struct Delivered {
        /// Whether the machine runs and asks for any.
        pub delivered: bool,
    }

    /// How the store of secrets is.
    pub struct StoreStatus {
        /// Which is used.
        pub kind: StoreKind,
        /// How it is.
        pub state: StoreState,
    }

    /// A machine to stop.
    pub struct StopArgs {
        /// Its name.
        pub name: String,
        /// At once, without asking it to shut down.
        pub force: bool,
    }

    /// Which operations.
    pub struct OperationsArgs {
        /// Only those of this machine.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub machine: Option<String>,
        /// At most so many, the newest.
        pub limit: u32,
    }

    /// An operation.
    pub struct OperationArgs {
        /// Its identity.
        pub id: OperationId,
    }

    /// An operation with its activities.
    pub struct OperationDetail {
        /// The operation.
        pub operation: Operation,
        /// All activities so far, in the order in which they appeared.
        pub activities: Vec<Activity>,
        /// How many log lines there are.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub log_lines: u64,
    }

    /// A part of a log.
    pub struct LogArgs {
        /// Which operation's.
        pub id: OperationId,
        /// The first line, from 0; lines are counted after the filter.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub from: u64,
        /// How many lines at most.
        pub limit: u32,
        /// Only lines of this activity.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub activity: Option<ActivityId>,
    }

    /// A part of a log.
    pub struct LogPage {
        /// How many lines the (filtered) log has now.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        pub total: u64,
        /// The lines from the one asked for.
        pub lines: Vec<LogLine>,
    }

    /// A search in a log.
    pub struct LogSearchArgs {
        /// Which operation's.
        pub id: OperationId,
        /// What to look for, regardless of case.
        pub text: String,
        /// Only lines of this activity.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub activity: Option<ActivityId>,
    }

    /// Where a search found something.
    pub struct LogMatches {
        /// The numbers of the lines, counted as in [`LogArgs::from`]; at most 10,000.
        #[cfg_attr(feature = "ts", ts(type = "number[]"))]
        pub lines: Vec<u64>,
    }

    /// A repository that is offered to begin with.
    pub struct Sample {
        /// What to call it.
        pub name: String,
        /// Its address.
        pub url: String,
        /// What it shows.
        pub description: String,
    }

    /// Repositories that are offered to begin with.
    pub struct SampleList {
        /// The repositories.
        pub samples: Vec<Sample>,
    }

    /// Operations.
    pub struct OperationList {
        /// The operations, the newest first.
        pub operations: Vec<Operation>,
    }

    /// What a machine asks of this computer.
    pub struct CapabilityList {
        /// The required ones first.
        pub capabilities: Vec<CapabilityCheck>,
    }

    /// Generations of a machine.
    pub struct GenerationList {
        /// The generations, oldest first.
        pub generations: Vec<Generation>,
    }

    /// Whether something has to be done before machines can be made.
    pub struct Prepared {
        /// What does it; nothing when all is ready.
        pub operation: Option<Operation>,
    }

    /// What is to be mended.
    pub struct FixArgs {
        /// The id of a fix, or of a check that has one.
        pub id: String,
        /// The path of the file that the fix needs, where it does.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub file: Option<String>,
    }

    /// Where the diagnostics bundle is to be saved.
    pub struct DiagnosticsSaveArgs {
        /// The absolute path of the zip; one that is there is replaced.
        pub path: String,
    }

    /// The diagnostics bundle that was saved.
    pub struct DiagnosticsSaved {
        /// Its path.
        pub path: String,
        /// What is in it.
        pub files: Vec<BundleFile>,
    }

    /// About this Codchi.
    pub struct About {
        /// Its version.
        pub version: String,
        /// The driver of this computer.
        pub driver: DriverKind,
    }
}

confidential! {
    /// A machine to make.
    pub struct InitArgs {
        /// Its name.
        pub name: String,
        /// Where its modules come from; without one it is empty.
        pub source: Option<SourceArgs>,
        /// Which modules, by name or attribute path. None: the one named in the address, else `default`, else the only one.
        #[serde(default)]
        pub modules: Vec<String>,
        /// `builtin`, or the name of the module whose nixpkgs it follows.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub nixpkgs: Option<String>,
        /// Which driver keeps it; by default the one of this computer.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub driver: Option<DriverKind>,
        /// Whether it is started when it is made.
        pub start: bool,
        /// What is answered beforehand.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<GivenAnswers>"))]
        pub answers: GivenAnswers,
        /// What is asked.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<AskFor>"))]
        pub ask_for: AskFor,
    }

    /// Modules to add to a machine.
    pub struct AddArgs {
        /// The machine.
        pub name: String,
        /// Where they come from.
        pub source: SourceArgs,
        /// Which, as in [`InitArgs::modules`].
        #[serde(default)]
        pub modules: Vec<String>,
        /// What is answered beforehand.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<GivenAnswers>"))]
        pub answers: GivenAnswers,
        /// What is asked.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<AskFor>"))]
        pub ask_for: AskFor,
    }

    /// A machine to rebuild.
    pub struct RebuildArgs {
        /// The machine.
        pub name: String,
        /// Whether its modules are updated to their newest commits.
        pub update: bool,
        /// Whether to stop after the comparison with the running system.
        pub dry_run: bool,
        /// What is answered beforehand.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<GivenAnswers>"))]
        pub answers: GivenAnswers,
        /// What is asked.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<AskFor>"))]
        pub ask_for: AskFor,
    }

    /// A machine to make like another one.
    pub struct DuplicateArgs {
        /// The one there is.
        pub name: String,
        /// The new one's name.
        pub new_name: String,
        /// Whether its own files are copied.
        pub data: bool,
        /// Whether its secrets are copied; else they are asked for.
        pub secrets: bool,
        /// Whether it is started when it is made.
        pub start: bool,
        /// What is answered beforehand.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<GivenAnswers>"))]
        pub answers: GivenAnswers,
        /// What is asked.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<AskFor>"))]
        pub ask_for: AskFor,
    }

    /// A machine to write into a file.
    pub struct ExportArgs {
        /// The machine.
        pub name: String,
        /// The absolute path of the file; one that is there is replaced.
        pub path: String,
        /// Whether the machine's own files are in it, which aren't encrypted.
        pub data: bool,
        /// Encrypts its secrets. Without it they aren't in the file.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, type = "string"))]
        pub passphrase: Option<SecretValue>,
    }

    /// A machine to make from a file.
    pub struct ImportArgs {
        /// The file's absolute path.
        pub path: String,
        /// Its name, where it isn't to have the one in the file.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub name: Option<String>,
        /// Opens the secrets in the file. Without it they are asked for.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, type = "string"))]
        pub passphrase: Option<SecretValue>,
        /// Whether it is started when it is made.
        pub start: bool,
        /// What is answered beforehand.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<GivenAnswers>"))]
        pub answers: GivenAnswers,
        /// What is asked.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, as = "Option<AskFor>"))]
        pub ask_for: AskFor,
    }

    /// Answers for a machine.
    pub struct AnswerArgs {
        /// The machine.
        pub name: String,
        /// The answers.
        pub answers: GivenAnswers,
    }

    /// A store of secrets to use from now on.
    pub struct StoreArgs {
        /// Which.
        pub kind: StoreKind,
        /// Opens the vault, or protects a new one.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, type = "string"))]
        pub passphrase: Option<SecretValue>,
    }

    /// A token for a host of repositories.
    pub struct TokenSetArgs {
        /// Its name, with its port where that isn't the usual one.
        pub host: String,
        /// The user's name there, where it isn't the one that forges take for tokens.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional))]
        pub user: Option<String>,
        /// The token.
        #[cfg_attr(feature = "ts", ts(type = "string"))]
        pub token: SecretValue,
    }

    /// What opens the store of secrets.
    pub struct UnlockArgs {
        /// The vault's; the keyring asks by itself.
        #[serde(default)]
        #[cfg_attr(feature = "ts", ts(optional, type = "string"))]
        pub passphrase: Option<SecretValue>,
    }
}

/// What a machine's modules ask for, without values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SecretList {
    /// The modules' secrets, by name.
    pub secrets: Vec<SecretStatus>,
    /// The user's own that they want to use.
    pub host_secrets: Vec<HostSecretStatus>,
}

/// A secret's value, for a user who asked to see it.
#[derive(Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RevealedSecret {
    /// It, where it is text.
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub text: Option<Zeroizing<String>>,
    /// Its bytes in base64.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub base64: Zeroizing<String>,
}
