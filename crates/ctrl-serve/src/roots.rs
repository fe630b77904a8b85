//! Links that users keep in their machines (`result` of a build, direnv's profiles), as roots of the garbage collector: also while their
//! machine is stopped.
//!
//! The daemon notes such a link below `auto` by the path that it has in its machine, where Nix finds nothing. The machines' roots are
//! mounted, read-only, in [`INSTANCES`]; what is noted and found in one of them gets a link in [`KEPT`] that leads there, which Nix follows
//! like any indirect root: while the user's link is there its path is kept, and no longer. What is in [`KEPT`] outlives the controller.
//!
//! Not mounted below `gcroots`: Nix would walk through every file that users have, and stop collecting for all of them at the first link
//! that leads in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2, readlinkat};

use crate::{mounts, signals};

/// Where the machines' roots are mounted, each by the machine's name.
pub(crate) const INSTANCES: &str = "/instances";
/// What is kept for whom: a directory for each machine, in the volume that outlives the controller.
pub(crate) const KEPT: &str = "/config/roots";
/// Where Nix finds it.
pub(crate) const GCROOTS: &str = "/nix/var/nix/gcroots/machines";
/// Where the daemon notes links.
pub(crate) const AUTO: &str = "/nix/var/nix/gcroots/auto";

const STORE: &[u8] = b"/nix/store/";
/// How many links are kept for a machine: users make as many as they like.
const MOST: usize = 10_000;
/// What a path may take, with the byte that ends it.
const PATH_MAX: usize = 4096;
/// What a link is called before it is renamed.
const UNFINISHED: &str = ".new";

/// The directories that this is about, elsewhere in tests.
#[derive(Debug)]
pub(crate) struct Places {
    instances: PathBuf,
    kept: PathBuf,
    auto: PathBuf,
    /// How many links are kept for a machine.
    most: usize,
}

impl Places {
    /// Those of the controller.
    pub(crate) fn here() -> Self {
        Self { instances: INSTANCES.into(), kept: KEPT.into(), auto: AUTO.into(), most: MOST }
    }

    /// The machines whose files are seen: their root is mounted, still exists, and belongs to root, as it does where both have the same
    /// ids.
    ///
    /// # Errors
    /// When the mounts can't be read.
    pub(crate) fn seen(&self) -> io::Result<Vec<String>> {
        let text = fs::read_to_string(mounts::MOUNTINFO)?;
        let points = mounts::points(&text).into_iter();
        let names = points.filter_map(|point| {
            let name = point.strip_prefix(&self.instances).ok()?.to_str()?.to_owned();
            // A directory that was removed has no links.
            let is_seen = fs::metadata(&point).is_ok_and(|found| found.uid() == 0 && found.nlink() > 0);
            (is_seen && !name.is_empty() && !name.contains('/')).then_some(name)
        });
        Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Brings what is kept to what the links in the machines of `seen` say, and gives those where it did. What is kept for others stays.
    ///
    /// # Errors
    /// When a directory of ours can't be read; nothing in a machine is an error.
    pub(crate) fn sync<'a>(&self, seen: &'a [String]) -> io::Result<Vec<&'a str>> {
        // Another process may do the same.
        let lock = File::open(&self.kept)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
        let noted = self.noted()?;
        let done = seen.iter().filter(|machine| {
            let synced = self.sync_machine(machine, &noted);
            synced.inspect_err(|e| say(&format!("cannot keep what '{machine}' keeps: {e}"))).is_ok()
        });
        Ok(done.map(String::as_str).collect())
    }

    /// Paths in machines that were ever noted, by the name that the daemon gives a path. Those that are kept count too, for every machine:
    /// the daemon forgets what it doesn't find, and files may have been copied to another machine.
    fn noted(&self) -> io::Result<BTreeMap<OsString, PathBuf>> {
        let mut noted = BTreeMap::new();
        for (name, target) in links(&self.auto)? {
            noted.insert(name, target);
        }
        for machine in entries(&self.kept)? {
            for (name, target) in links(&self.kept.join(&machine))? {
                if let Ok(path) = target.strip_prefix(self.instances.join(&machine)) {
                    noted.entry(name).or_insert_with(|| Path::new("/").join(path));
                }
            }
        }
        Ok(noted)
    }

    fn sync_machine(&self, machine: &str, noted: &BTreeMap<OsString, PathBuf>) -> io::Result<()> {
        let (root, kept) = (self.instances.join(machine), self.kept.join(machine));
        let Ok(handle) = File::open(&root) else { return Ok(()) };
        let there: BTreeMap<OsString, PathBuf> = links(&kept)?.into_iter().collect();
        let found = |(name, path): (_, &PathBuf)| Some((name, target(&root, &find(&handle, path)?)?));
        // Those that are kept come first: nobody takes their place.
        let (old, new): (Vec<_>, Vec<_>) = noted.iter().partition(|(name, _)| there.contains_key(*name));
        let mut wanted: Vec<(&OsString, PathBuf)> =
            old.into_iter().chain(new).filter_map(found).take(self.most + 1).collect();
        if wanted.len() > self.most {
            say(&format!("'{machine}' has more than {} links, the others aren't kept", self.most));
            wanted.truncate(self.most);
        }
        let wanted: BTreeMap<&OsString, PathBuf> = wanted.into_iter().collect();
        if wanted.is_empty() && !kept.exists() {
            return Ok(());
        }
        fs::create_dir_all(&kept)?;
        for name in there.keys().filter(|name| !wanted.contains_key(name)) {
            fs::remove_file(kept.join(name))?;
        }
        for (name, target) in wanted {
            if there.get(name) == Some(&target) {
                continue;
            }
            let unfinished = kept.join(UNFINISHED);
            match fs::remove_file(&unfinished) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            match symlink(&target, &unfinished) {
                // Some file systems want links to be shorter than paths.
                Err(e) if e.kind() == io::ErrorKind::InvalidFilename => continue,
                made => made?,
            }
            fs::rename(&unfinished, kept.join(name))?;
        }
        Ok(())
    }
}

/// Starts the subcommand that does it; its id.
///
/// # Errors
/// The process cannot be started.
pub(crate) fn spawn() -> io::Result<i32> {
    let child =
        signals::command("/proc/self/exe").arg("roots").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

/// Where the link at `path` really is below a machine's root, when it is one into the store. Nothing on the way leads out of there.
fn find(root: &File, path: &Path) -> Option<PathBuf> {
    let (parent, name) = (path.parent()?, path.file_name()?);
    let below = parent.strip_prefix("/").ok()?;
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let parent = openat2(root, below, flags, Mode::empty(), inside).ok()?;
    let target = readlinkat(&parent, name, Vec::new()).ok()?;
    if !target.to_bytes().starts_with(STORE) {
        return None;
    }
    let real = |fd: &dyn AsRawFd| fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok();
    let (parent, root) = (real(&parent)?, real(root)?);
    Some(Path::new("/").join(parent.strip_prefix(&root).ok()?).join(name))
}

/// A path of a machine as the controller sees it; none where it is too long for that.
fn target(root: &Path, path: &Path) -> Option<PathBuf> {
    let target = root.join(path.strip_prefix("/").unwrap_or(path));
    (target.as_os_str().len() < PATH_MAX).then_some(target)
}

/// One line of what is passed over.
fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "ctrl-serve: {line}");
}

/// The links in a directory with what they say; none where it doesn't exist.
fn links(dir: &Path) -> io::Result<Vec<(OsString, PathBuf)>> {
    let names = entries(dir)?.into_iter();
    Ok(names.filter_map(|name| Some((name.clone(), fs::read_link(dir.join(&name)).ok()?))).collect())
}

/// The names in a directory but hidden ones; none where it doesn't exist.
fn entries(dir: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
        Ok(entries) => {
            let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
            Ok(names.into_iter().filter(|name| !is_hidden(name)).collect())
        }
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-one";

    struct Scene {
        dir: tempfile::TempDir,
        places: Places,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name);
            let places =
                Places { instances: at("instances"), kept: at("kept"), auto: at("auto"), most: MOST };
            for path in [&places.instances, &places.kept, &places.auto] {
                fs::create_dir(path).unwrap();
            }
            Self { places, dir }
        }

        fn in_machine(&self, machine: &str, path: &str) -> PathBuf {
            let path = self.places.instances.join(machine).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        }

        fn note(&self, name: &str, path: &str) {
            symlink(path, self.places.auto.join(name)).unwrap();
        }

        fn sync(&self, seen: &[&str]) {
            assert_eq!(
                self.places.sync(&seen.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap(),
                seen
            );
        }

        fn kept(&self, machine: &str) -> Vec<String> {
            let mut all: Vec<_> = links(&self.places.kept.join(machine))
                .unwrap()
                .into_iter()
                .map(|(name, target)| {
                    let target = target.strip_prefix(self.dir.path()).unwrap().display().to_string();
                    format!("{} {target}", name.display())
                })
                .collect();
            all.sort();
            all
        }
    }

    #[test]
    fn what_is_noted_and_there_is_kept_for_whom_it_is() {
        let scene = Scene::new();
        symlink(ONE, scene.in_machine("a", "home/u/result")).unwrap();
        scene.in_machine("b", "home/u/other");
        scene.note("hash", "/home/u/result");
        scene.sync(&["a", "b"]);
        assert_eq!(scene.kept("a"), ["hash instances/a/home/u/result"]);
        assert!(scene.kept("b").is_empty());
        // The daemon forgets what it doesn't find.
        fs::remove_file(scene.places.auto.join("hash")).unwrap();
        scene.sync(&["a", "b"]);
        assert_eq!(scene.kept("a"), ["hash instances/a/home/u/result"]);
        fs::remove_file(scene.in_machine("a", "home/u/result")).unwrap();
        scene.sync(&["b"]);
        assert_eq!(scene.kept("a").len(), 1, "what isn't seen isn't judged");
        scene.sync(&["a"]);
        assert!(scene.kept("a").is_empty());
    }

    #[test]
    fn files_that_were_copied_or_got_another_name_are_kept() {
        let scene = Scene::new();
        symlink(ONE, scene.in_machine("a", "home/u/result")).unwrap();
        scene.note("hash", "/home/u/result");
        scene.sync(&["a"]);
        fs::remove_file(scene.places.auto.join("hash")).unwrap();
        fs::rename(scene.places.instances.join("a"), scene.places.instances.join("c")).unwrap();
        scene.sync(&["c"]);
        assert_eq!(scene.kept("c"), ["hash instances/c/home/u/result"]);
    }

    #[test]
    fn what_users_put_there_leads_nowhere_else() {
        let scene = Scene::new();
        let outside = scene.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        symlink(ONE, outside.join("result")).unwrap();
        symlink(&outside, scene.in_machine("a", "out")).unwrap();
        symlink("/real", scene.in_machine("a", "link")).unwrap();
        symlink(ONE, scene.in_machine("a", "real/result")).unwrap();
        symlink("circle", scene.in_machine("a", "circle")).unwrap();
        symlink("/etc/passwd", scene.in_machine("a", "passwd")).unwrap();
        nix::unistd::mkfifo(&scene.in_machine("a", "pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let long = format!("/{}", "x".repeat(300));
        for (name, path) in [
            ("1", "/out/result"),
            ("2", "/link/result"),
            ("3", "/circle/result"),
            ("4", "/passwd"),
            ("5", "/pipe"),
            ("6", "/../../outside/result"),
            ("7", "/"),
            ("8", "relative"),
            ("9", long.as_str()),
        ] {
            scene.note(name, path);
        }
        scene.sync(&["a"]);
        assert_eq!(scene.kept("a"), ["2 instances/a/real/result"]);
    }

    /// A link below nested directories, made as its user would: its path in the controller is too long for one.
    fn nest(scene: &Scene, machine: &str, length: usize) -> String {
        let root = scene.places.instances.join(machine);
        fs::create_dir_all(&root).unwrap();
        let (mut at, mut path) =
            (rustix::fs::open(&root, OFlags::PATH, Mode::empty()).unwrap(), String::new());
        while path.len() + 7 < length {
            let name = "d".repeat((length - 7 - path.len() - 1).clamp(1, 200));
            rustix::fs::mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, name.as_str(), OFlags::PATH, Mode::empty()).unwrap();
            path.push('/');
            path.push_str(&name);
        }
        rustix::fs::symlinkat(ONE, &at, "result").unwrap();
        path + "/result"
    }

    #[test]
    fn a_path_that_only_its_machine_can_name_is_passed_over() {
        let scene = Scene::new();
        let around = scene.places.instances.join("a").as_os_str().len();
        symlink(ONE, scene.in_machine("b", "home/u/result")).unwrap();
        scene.note("1", "/home/u/result");
        // The longest that has a name, and the shortest that hasn't.
        let longest = nest(&scene, "a", PATH_MAX - 1 - around);
        scene.note("2", &longest);
        let nameless = nest(&scene, "c", PATH_MAX - around);
        assert_eq!(nameless.len(), longest.len() + 1);
        scene.note("3", &nameless);
        assert!(find(&File::open(scene.places.instances.join("c")).unwrap(), Path::new(&nameless)).is_some());
        scene.sync(&["a", "b", "c"]);
        assert_eq!(scene.kept("b"), ["1 instances/b/home/u/result"]);
        assert_eq!(scene.kept("a"), [format!("2 instances/a{longest}")]);
        assert!(scene.kept("c").is_empty());
    }

    #[test]
    fn a_machine_whose_links_cannot_be_kept_is_not_among_the_others() {
        let scene = Scene::new();
        for machine in ["a", "b"] {
            symlink(ONE, scene.in_machine(machine, "result")).unwrap();
        }
        scene.note("1", "/result");
        fs::create_dir_all(scene.places.kept.join("a").join(UNFINISHED)).unwrap();
        let seen = ["a", "b"].map(str::to_owned);
        assert_eq!(scene.places.sync(&seen).unwrap(), ["b"]);
        assert_eq!(scene.kept("b"), ["1 instances/b/result"]);
    }

    #[test]
    fn links_without_end_take_nobody_s_place() {
        let mut scene = Scene::new();
        scene.places.most = 3;
        symlink(ONE, scene.in_machine("a", "9")).unwrap();
        scene.note("9", "/9");
        scene.sync(&["a"]);
        for name in ["1", "2", "3", "4"] {
            symlink(ONE, scene.in_machine("a", name)).unwrap();
            scene.note(name, &format!("/{name}"));
        }
        scene.sync(&["a"]);
        assert_eq!(scene.kept("a"), ["1 instances/a/1", "2 instances/a/2", "9 instances/a/9"]);
    }
}
