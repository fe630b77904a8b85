//! What a world remembers about itself, in `world.json`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::engine::Engine;

/// The record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its engine.
    pub(crate) engine: Engine,
    /// The group that owns the engine's socket.
    pub(crate) group: String,
    /// Whether the engine logs every request.
    pub(crate) log_requests: bool,
    /// Its bridge, once the engine has made it.
    pub(crate) bridge: Option<String>,
}

impl Record {
    /// A world that has nothing yet.
    pub(crate) fn new(engine: Engine, group: &str, log_requests: bool) -> Self {
        Record { engine, group: group.into(), log_requests, bridge: None }
    }

    /// Reads the record of the world in `dir`, if there is a world.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let file = dir.join("world.json");
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let field = |name: &str| value.get(name).and_then(Value::as_str);
        let engine = field("engine").and_then(|e| Engine::from_str(e, false).ok());
        Ok(Some(Record {
            engine: engine.with_context(|| format!("{} names no engine", file.display()))?,
            group: field("group").unwrap_or("root").into(),
            log_requests: value.get("log_requests").and_then(Value::as_bool).unwrap_or(false),
            bridge: field("bridge").map(str::to_owned),
        }))
    }

    /// Writes the record.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let value = json!({
            "engine": self.engine.name(),
            "group": self.group,
            "log_requests": self.log_requests,
            "bridge": self.bridge,
        });
        let new = dir.join("world.json.new");
        fs::write(&new, format!("{value:#}\n"))?;
        fs::rename(&new, dir.join("world.json")).context("cannot write world.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), None);
        let mut record = Record::new(Engine::Incus, "lxdusers", true);
        record.bridge = Some("codchiw0".into());
        record.write(dir.path()).unwrap();
        assert_eq!(Record::read(dir.path()).unwrap(), Some(record));
        fs::write(dir.path().join("world.json"), "{").unwrap();
        assert!(Record::read(dir.path()).is_err());
    }
}
