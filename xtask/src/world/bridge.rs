//! The network of a world: a bridge name and a subnet nobody else on this host uses.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::engine::Engine;
use crate::process;

/// Interface names have at most 15 bytes; a number follows.
const PREFIX: &str = "codchiw";
/// Held while a bridge is chosen and made, or removed; it holds the number of the last one.
const LOCK: &str = "/run/lock/codchi-worlds.lock";
/// How many there can be at once.
const LAST: u32 = 250;

/// A bridge to be made by the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bridge {
    /// Its interface name.
    pub(crate) name: String,
    /// Its address with the prefix length.
    pub(crate) address: String,
}

/// The right to make and remove bridges, until it is dropped.
pub(crate) struct Turn {
    file: File,
}

/// Waits until nobody else has it.
pub(crate) fn turn() -> Result<Turn> {
    fs::create_dir_all("/run/lock")?;
    let file = File::options().create(true).truncate(false).read(true).write(true).open(LOCK)?;
    file.lock().with_context(|| format!("cannot lock {LOCK}"))?;
    Ok(Turn { file })
}

impl Turn {
    /// The next free one. Not the one just given back: its address may still be in use for a moment.
    pub(crate) fn choose(&mut self) -> Result<Bridge> {
        let addresses = process::read(Command::new("ip").args(["-o", "-4", "addr", "show"]))?;
        let routes = process::read(Command::new("ip").args(["-4", "route", "show", "table", "all"]))?;
        let taken = format!("{addresses}\n{routes}");
        let last = io::read_to_string(&self.file)?.trim().parse().unwrap_or(0);
        let (number, bridge) = choose(last, &taken, |name| Path::new("/sys/class/net").join(name).exists())?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        write!(self.file, "{number}")?;
        Ok(bridge)
    }

    /// Removes the interface with what hangs on it, and the firewall chains that a killed engine leaves behind. Their table stays, also an
    /// empty one: an engine may be about to add its own to it.
    pub(crate) fn remove(&mut self, name: &str, engine: Engine) -> Result<()> {
        let interface = Path::new("/sys/class/net").join(name);
        if interface.exists() {
            // A container gives its end of the pair back when it ends; a killed engine doesn't remove it.
            for port in fs::read_dir(interface.join("brif"))?.flatten() {
                process::succeeds(Command::new("ip").args(["link", "delete", "dev"]).arg(port.file_name()));
            }
            process::run(Command::new("ip").args(["link", "delete", "dev", name]))?;
        }
        let table = engine.firewall_table();
        for chain in chains_of(&rules_in(table), name) {
            let deleted = process::run(Command::new("nft").args(["delete", "chain", "inet", table, chain]));
            // One that went meanwhile is done.
            if deleted.is_err() && chains_of(&rules_in(table), name).contains(&chain) {
                return deleted;
            }
        }
        Ok(())
    }
}

fn choose(last: u32, taken: &str, exists: impl Fn(&str) -> bool) -> Result<(u32, Bridge)> {
    for number in (last..last + LAST).map(|n| n % LAST + 1) {
        let (name, subnet) = (format!("{PREFIX}{number}"), format!("10.197.{number}."));
        if !exists(&name) && !taken.split_whitespace().any(|word| word.starts_with(&subnet)) {
            return Ok((number, Bridge { name, address: format!("{subnet}1/24") }));
        }
    }
    bail!("all subnets of 10.197.0.0/16 are in use: remove worlds with `cargo xtask world DIR --down`")
}

/// What is in a table of the firewall; nothing where there is none.
fn rules_in(table: &str) -> String {
    process::read(Command::new("nft").args(["list", "table", "inet", table])).unwrap_or_default()
}

/// The names of the chains of one bridge: `fwd.NAME`, `in.NAME`, ….
fn chains_of<'a>(rules: &'a str, bridge: &str) -> Vec<&'a str> {
    let names =
        rules.lines().filter_map(|l| l.trim().strip_prefix("chain ")).filter_map(|l| l.split(' ').next());
    names.filter(|n| n.split_once('.').is_some_and(|(_, of)| of == bridge)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_unused_name_and_subnet_is_chosen_round_and_round() {
        let taken = "2: eth0 inet 192.0.2.2/24\n5: x inet 10.197.2.1/24";
        let bridge = Bridge { name: "codchiw3".into(), address: "10.197.3.1/24".into() };
        assert_eq!(choose(0, taken, |name| name == "codchiw1").unwrap(), (3, bridge));
        assert_eq!(choose(LAST - 1, taken, |_| false).unwrap().0, LAST);
        assert_eq!(choose(LAST, taken, |_| false).unwrap().0, 1);
        let all: String = (1..=LAST).map(|n| format!("10.197.{n}.0/24 ")).collect();
        assert!(choose(7, &all, |_| false).is_err());
    }

    #[test]
    fn only_the_chains_of_this_bridge() {
        let rules = "table inet lxd {\n\tchain pstrt.codchiw1 {\n\t}\n\tchain fwd.codchiw1 {\n\t}\n\tchain fwd.codchiw10 {\n\t}\n}";
        assert_eq!(chains_of(rules, "codchiw1"), ["pstrt.codchiw1", "fwd.codchiw1"]);
    }
}
