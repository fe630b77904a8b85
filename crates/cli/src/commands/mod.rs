//! The commands: each file has the arguments of a group and what is done with them.

pub(crate) mod access;
pub(crate) mod answers;
pub(crate) mod capabilities;
pub(crate) mod completion;
pub(crate) mod create;
pub(crate) mod debug;
pub(crate) mod delete;
pub(crate) mod diagnostics;
pub(crate) mod doctor;
pub(crate) mod duplicate;
pub(crate) mod exec;
pub(crate) mod export;
pub(crate) mod generations;
pub(crate) mod import;
pub(crate) mod logs;
pub(crate) mod modules;
pub(crate) mod power;
pub(crate) mod rebuild;
pub(crate) mod rename;
pub(crate) mod secrets;
pub(crate) mod status;
