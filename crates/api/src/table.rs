//! The one command table: every command with what it takes and gives. The window's bridge and its TypeScript bindings are made from
//! it; the command line calls the same methods of [`Api`] directly.

use codchi_controller::{
    access::AccessStatus,
    archive::ArchiveContents,
    diagnostics::BundleContents,
    doctor::Diagnosis,
    failure::{Failure, FailureCode},
    nix::Repository,
    operation::Operation,
    secret::Answered,
    settings::Settings,
    status::Snapshot,
};
use serde_json::Value;

use crate::{
    Api,
    types::{
        About, AddArgs, AnswerArgs, ArchiveArgs, CapabilityList, DeleteArgs, Delivered, DiagnosticsSaveArgs,
        DiagnosticsSaved, DuplicateArgs, ExportArgs, FixArgs, GenerationList, ImportArgs, InitArgs, LogArgs,
        LogMatches, LogPage, LogSearchArgs, MachineArgs, ModuleArgs, Nothing, OperationArgs, OperationDetail,
        OperationList, OperationsArgs, Prepared, RebuildArgs, RenameArgs, RevealedSecret, SampleList,
        SecretArgs, SecretList, SourceArgs, StopArgs, StoreArgs, StoreStatus, TokenArgs, TokenSetArgs,
        UnlockArgs,
    },
};

macro_rules! commands {
    ($($name:ident: $args:ty => $result:ty,)*) => {
        /// The names of all commands.
        pub const COMMANDS: &[&str] = &[$(stringify!($name)),*];

        impl Api {
            /// Runs the command of this name with its arguments as JSON.
            ///
            /// # Errors
            /// The command's own, or [`FailureCode::InvalidArgument`] when there is no such command or the arguments don't fit it.
            pub async fn call(&self, command: &str, args: Value) -> Result<Value, Failure> {
                match command {
                    $(stringify!($name) => {
                        let args: $args = serde_json::from_value(args).map_err(|e| unfit(command, &e))?;
                        let result: $result = self.$name(args).await?;
                        serde_json::to_value(result).map_err(|e| unfit(command, &e))
                    })*
                    _ => Err(Failure {
                        code: FailureCode::InvalidArgument,
                        message: format!("there is no command {command:?}"),
                        hints: vec![], causes: vec![], details: vec![],
                    }),
                }
            }
        }

        /// The TypeScript of the table and of every type in it, for `ui/src/bindings`.
        #[cfg(feature = "ts")]
        pub fn export_typescript(directory: &std::path::Path) -> Result<(), ts_rs::ExportError> {
            use std::fmt::Write as _;
            use ts_rs::TS;
            let config = ts_rs::Config::default().with_out_dir(directory).with_large_int("number");
            let mut table = String::from("// Generated from crates/api/src/table.rs; do not edit.\n");
            let mut names = std::collections::BTreeSet::new();
            let mut rows = String::new();
            $(
                <$args>::export_all(&config)?;
                <$result>::export_all(&config)?;
                names.extend(type_names(&<$args as TS>::name(&config)));
                names.extend(type_names(&<$result as TS>::name(&config)));
                let _ = writeln!(rows, "  {}: {{ args: {}; result: {} }};", stringify!($name),
                    <$args as TS>::name(&config), <$result as TS>::name(&config));
            )*
            crate::types::Event::export_all(&config)?;
            Failure::export_all(&config)?;
            for name in names {
                let _ = writeln!(table, "import type {{ {name} }} from \"./{name}\";");
            }
            let _ = write!(table, "\nexport interface Commands {{\n{rows}}}\n");
            std::fs::write(directory.join("Commands.ts"), table).map_err(ts_rs::ExportError::Io)
        }
    };
}

/// The names of declared types in a TypeScript type such as `Array<Sample>`.
#[cfg(feature = "ts")]
fn type_names(ty: &str) -> impl Iterator<Item = String> + '_ {
    ty.split(|c: char| !c.is_alphanumeric())
        .filter(|name| name.starts_with(char::is_uppercase) && *name != "Array" && *name != "Record")
        .map(str::to_owned)
}

fn unfit(command: &str, error: &serde_json::Error) -> Failure {
    Failure {
        code: FailureCode::InvalidArgument,
        message: format!("the arguments of {command} don't fit"),
        hints: vec![],
        causes: vec![error.to_string()],
        details: vec![],
    }
}

commands! {
    about: Nothing => About,
    status: Nothing => Snapshot,
    modules: SourceArgs => Repository,
    samples: Nothing => SampleList,
    init: InitArgs => Operation,
    add: AddArgs => Operation,
    module_remove: ModuleArgs => Operation,
    rebuild: RebuildArgs => Operation,
    start: MachineArgs => Operation,
    stop: StopArgs => Operation,
    restart: StopArgs => Operation,
    delete: DeleteArgs => Operation,
    duplicate: DuplicateArgs => Operation,
    rename: RenameArgs => Operation,
    export: ExportArgs => Operation,
    archive: ArchiveArgs => ArchiveContents,
    import: ImportArgs => Operation,
    secrets: MachineArgs => SecretList,
    answer: AnswerArgs => Answered,
    secret_unset: SecretArgs => Answered,
    secret_reveal: SecretArgs => RevealedSecret,
    secrets_deliver: MachineArgs => Delivered,
    access: Nothing => AccessStatus,
    token_set: TokenSetArgs => AccessStatus,
    token_remove: TokenArgs => AccessStatus,
    secret_store: Nothing => StoreStatus,
    secret_store_use: StoreArgs => StoreStatus,
    secret_store_unlock: UnlockArgs => StoreStatus,
    capabilities: MachineArgs => CapabilityList,
    generations: MachineArgs => GenerationList,
    operations: OperationsArgs => OperationList,
    operation: OperationArgs => OperationDetail,
    operation_log: LogArgs => LogPage,
    operation_log_search: LogSearchArgs => LogMatches,
    operation_cancel: OperationArgs => Nothing,
    doctor: Nothing => Diagnosis,
    doctor_fix: FixArgs => Operation,
    diagnostics_contents: Nothing => BundleContents,
    diagnostics_save: DiagnosticsSaveArgs => DiagnosticsSaved,
    prepare: Nothing => Prepared,
    settings: Nothing => Settings,
    settings_set: Settings => Settings,
}
