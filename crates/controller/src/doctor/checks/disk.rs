//! Is there room: in the pool that containers and the store are in, and where Codchi's own files are.

use crate::{
    doctor::{
        CheckGroup,
        commands::{self, FixId, Own},
        finding::{Finding, Subject, bytes},
    },
    driver::{DriverKind, EngineReport, Room},
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "disk", group: CheckGroup::Controller, title: "Disk space" };

/// With less nothing can be built.
const TOO_LITTLE: u64 = 512 << 20;
/// With less a large build may fail.
const LITTLE: u64 = 5 << 30;
/// As many files as a small system has.
const FEW_FILES: u64 = 20_000;

/// The room of one place.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Place {
    pub(in crate::doctor) name: String,
    pub(in crate::doctor) space: Option<Room>,
    pub(in crate::doctor) inodes: Option<Room>,
    /// Whether a collection of garbage makes room in it.
    pub(in crate::doctor) store: bool,
}

/// The pool that is used, as a place.
pub(in crate::doctor) fn of_pool(report: &EngineReport) -> Option<Place> {
    let pool = report.used_pool()?;
    Some(Place {
        name: format!("the storage pool '{}'", pool.name),
        space: pool.space,
        inodes: pool.inodes,
        store: true,
    })
}

/// What `df` says of a directory, in blocks of 1024 bytes and in files.
pub(in crate::doctor) fn of_df(name: &str, blocks: &[String], files: &[String]) -> Place {
    let room = |lines: &[String], unit: u64| {
        // The last line: a header comes first, and nothing else was asked for.
        let mut fields = lines.last()?.split_whitespace().skip(1).map(str::parse::<u64>);
        let (total, used) = (fields.next()?.ok()?, fields.next()?.ok()?);
        let free = fields.next()?.ok()?;
        // What only root may use is not free.
        (total > 0).then(|| Room { used: total.saturating_sub(free).max(used) * unit, total: total * unit })
    };
    Place { name: name.to_owned(), space: room(blocks, 1024), inodes: room(files, 1), store: false }
}

pub(in crate::doctor) fn check(kind: DriverKind, places: &[Place], controller_runs: bool) -> Finding {
    let free = |place: &Place| place.space.map(Room::free);
    let files = |place: &Place| place.inodes.map(Room::free);
    let describe = |place: &Place| match free(place) {
        Some(free) => format!("{} in {}", bytes(free), place.name),
        None => format!("unknown in {}", place.name),
    };
    let seen = places.iter().map(describe).collect::<Vec<_>>().join(", ");
    let collect = |place: &Place| {
        (place.store && controller_runs).then(|| commands::own(FixId::Disk, Own::Collect, kind))
    };
    let below = |limit: u64| places.iter().find(|place| free(place).is_some_and(|free| free < limit));
    let few = places.iter().find(|place| files(place).is_some_and(|files| files < FEW_FILES));
    let finding = if let Some(place) = below(TOO_LITTLE) {
        Finding::fail("full", "Only {free} are free in {place}: nothing can be built.")
            .with("free", bytes(free(place).unwrap_or(0)))
            .with("place", &place.name)
            .mended_by(collect(place))
    } else if let Some(place) = few {
        Finding::fail("inodes", "Only {files} more files fit into {place}.")
            .with("files", files(place).unwrap_or(0).to_string())
            .with("place", &place.name)
            .mended_by(collect(place))
    } else if let Some(place) = below(LITTLE) {
        Finding::warn("low", "{free} are free in {place}; large builds may need more.")
            .with("free", bytes(free(place).unwrap_or(0)))
            .with("place", &place.name)
            .mended_by(collect(place))
    } else if places.iter().all(|place| place.space.is_none()) {
        Finding::unknown("untold", "Nobody tells how much room there is.")
    } else {
        Finding::ok("enough", "There is enough.")
    };
    finding.seen(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(free: u64, files: u64) -> Place {
        let room = |free| Some(Room { used: 1 << 40, total: (1 << 40) + free });
        Place { name: "there".into(), space: room(free), inodes: room(files), store: true }
    }

    #[test]
    fn the_worst_place_decides() {
        let reason = |places: &[Place]| check(DriverKind::Lxd, places, true).reason;
        let good = || place(100 << 30, 1 << 20);
        assert_eq!(reason(&[good(), good()]), "enough");
        assert_eq!(reason(&[good(), place(1 << 30, 1 << 20)]), "low");
        assert_eq!(reason(&[place(100 << 30, 10), good()]), "inodes");
        assert_eq!(reason(&[place(1 << 20, 10), place(1 << 30, 1 << 20)]), "full");
        assert_eq!(reason(&[]), "untold");
    }

    #[test]
    fn a_collection_helps_the_store_only_and_needs_the_controller() {
        let fix = |store, runs| {
            check(DriverKind::Lxd, &[Place { store, ..place(0, 1 << 20) }], runs).about(SUBJECT).0.fix
        };
        assert!(fix(true, true).unwrap().commands[0].ends_with(&["nix-store".to_owned(), "--gc".to_owned()]));
        assert_eq!((fix(false, true), fix(true, false)), (None, None));
    }

    #[test]
    fn df_is_read_with_what_only_root_may_use_taken_off() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let blocks =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 1000 100 800 12% /home/a b";
        let files = "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/x 0 0 0 - /";
        let place = of_df("home", &lines(blocks), &lines(files));
        assert_eq!(place.space.map(Room::free), Some(800 * 1024));
        assert_eq!(place.inodes, None, "btrfs has no number");
        assert_eq!(of_df("home", &lines("df: no"), &[]).space, None);
    }
}
