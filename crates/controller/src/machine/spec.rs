//! What a machine is to be: the content of its `machine.json`.

use serde::{Deserialize, Serialize};

use crate::driver::DriverKind;

/// One code machine as its user wants it. Says nothing of the machine's name: the directory has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineSpec {
    /// Which driver keeps it.
    pub driver: DriverKind,
    /// Where its nixpkgs comes from.
    pub nixpkgs: NixpkgsChoice,
    /// Its modules, in the user's order.
    pub modules: Vec<ModuleSpec>,
}

/// Where a machine's nixpkgs comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", tag = "from")]
pub enum NixpkgsChoice {
    /// The revision that ships with this Codchi.
    Builtin,
    /// The `nixpkgs` input of the flake of the module of this name.
    Module {
        /// [`ModuleSpec::name`] of one of the machine's modules.
        module: String,
    },
}

/// One module of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleSpec {
    /// Unique in the machine; by default the last part of [`ModuleSpec::attr`].
    pub name: String,
    /// The flake, in canonical form, without credentials.
    pub url: String,
    /// The attribute path of the module in the flake's outputs, such as `["nixosModules", "hello"]`.
    pub attr: Vec<String>,
}
