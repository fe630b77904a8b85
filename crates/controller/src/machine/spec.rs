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
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModuleSpec {
    /// Unique in the machine; by default the last part of [`ModuleSpec::attr`].
    pub name: String,
    /// The flake, in canonical form, without credentials.
    pub url: String,
    /// The attribute path of the module in the flake's outputs, such as `["nixosModules", "hello"]`.
    pub attr: Vec<String>,
}

impl MachineSpec {
    /// Adds a module; when its name is taken it gets a number: `default`, `default-2`.
    pub fn add(&mut self, mut module: ModuleSpec) {
        let taken = |name: &str| self.modules.iter().any(|m| m.name == name);
        if taken(&module.name) {
            let numbered = (2..).map(|n| format!("{}-{n}", module.name)).find(|name| !taken(name));
            module.name = numbered.unwrap_or(module.name);
        }
        self.modules.push(module);
    }

    /// The distinct sources of the modules with the names that they have as inputs of the machine's flake, in order.
    pub fn inputs(&self) -> Vec<(String, &str)> {
        let mut inputs: Vec<(String, &str)> = Vec::new();
        for module in &self.modules {
            if !inputs.iter().any(|(_, url)| *url == module.url) {
                inputs.push((format!("m{}", inputs.len()), &module.url));
            }
        }
        inputs
    }
}

impl ModuleSpec {
    /// The attribute path as one would write it in Nix: `nixosModules."a b"`.
    pub fn attr_path(&self) -> String {
        let plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\''))
        };
        let part = |name: &String| {
            if plain(name) {
                name.clone()
            } else {
                format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
            }
        };
        self.attr.iter().map(part).collect::<Vec<_>>().join(".")
    }
}
