//! Looking for secrets where none may be: files on any disk, arguments and environments of every process.
//!
//! A canary is looked for as it is, in base64 at any offset, percent-encoded and in hexadecimal. Logs that are kept compressed are
//! looked into.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use memchr::memmem::Finder;

/// Between two looks at all processes. A process that lives shorter may be missed; programs that are handed a secret live longer.
const PAUSE: Duration = Duration::from_millis(2);
/// How much of a file is looked at at once.
const CHUNK: usize = 1 << 20;
/// What unpacks a file, by the end of its name.
const UNPACKED_BY: [(&str, &str); 4] =
    [("bz2", "bzcat"), ("gz", "zcat"), ("xz", "xzcat"), ("zst", "zstdcat")];

/// What is hunted.
#[derive(Clone)]
pub struct Hunt {
    needles: Arc<Vec<Needle>>,
    longest: usize,
    /// The instance whose processes are meant to have the canaries in their environment.
    meant_for: Option<String>,
}

struct Needle {
    name: String,
    finder: Finder<'static>,
}

/// A place where a canary was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Which canary, and in which form.
    pub canary: String,
    /// Where.
    pub place: String,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is in {}", self.canary, self.place)
    }
}

impl Hunt {
    /// Hunts these canaries, each with the name that it has in a report. Short ones would be found by chance.
    ///
    /// # Panics
    /// When one has less than 12 bytes.
    pub fn new(canaries: &[(&str, &[u8])]) -> Self {
        let mut needles = Vec::new();
        for (name, canary) in canaries {
            assert!(canary.len() >= 12, "{name} is too short to be hunted");
            let mut forms: Vec<(&str, Vec<u8>)> = vec![("as it is", canary.to_vec())];
            forms.extend((0..3).map(|offset| ("in base64", base64_at(canary, offset))));
            for (form, encoded) in [
                (
                    "percent-encoded",
                    percent(canary, |byte| !byte.is_ascii_alphanumeric() && !b"-._~".contains(&byte)),
                ),
                ("percent-encoded", percent(canary, |_| true)),
                ("in hexadecimal", canary.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            ] {
                forms.push((form, encoded.to_lowercase().into_bytes()));
                forms.push((form, encoded.to_uppercase().into_bytes()));
                forms.push((form, encoded.into_bytes()));
            }
            let mut seen = HashSet::new();
            forms.retain(|(_, bytes)| seen.insert(bytes.clone()));
            needles.extend(forms.into_iter().map(|(form, bytes)| Needle {
                name: format!("{name} ({form})"),
                finder: Finder::new(&bytes).into_owned(),
            }));
        }
        let longest = needles.iter().map(|needle| needle.finder.needle().len()).max().unwrap_or(1);
        Self { needles: Arc::new(needles), longest, meant_for: None }
    }

    /// The processes of this instance are meant to have the canaries in their environment: a variable is how they are delivered. Their
    /// arguments are looked at all the same.
    #[must_use]
    pub fn meant_for(mut self, instance: &str) -> Self {
        self.meant_for = Some(format!(".payload.{instance}"));
        self
    }

    /// Which canaries are in these bytes.
    pub fn in_bytes(&self, bytes: &[u8], place: &str) -> Vec<Hit> {
        let found = self.needles.iter().filter(|needle| needle.finder.find(bytes).is_some());
        found.map(|needle| Hit { canary: needle.name.clone(), place: place.to_owned() }).collect()
    }

    /// Looks into every file below these paths, whatever links point to it. Links, devices and sockets are left alone, and so is what
    /// is removed meanwhile. Returns what was found, and how many files were looked into.
    ///
    /// # Panics
    /// When a path can't be looked into.
    pub fn search(&self, paths: &[&Path]) -> (Vec<Hit>, usize) {
        let (mut hits, mut seen) = (BTreeSet::new(), HashSet::new());
        let mut todo: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
        for path in paths {
            assert!(path.exists(), "{} is not there to be searched", path.display());
        }
        let mut files = 0;
        while let Some(path) = todo.pop() {
            let name = path.to_string_lossy().into_owned();
            // A name is written, too.
            hits.extend(self.in_bytes(name.as_bytes(), &format!("the name {name}")));
            let Some(metadata) = present(&path, fs::symlink_metadata(&path)) else { continue };
            let kind = metadata.file_type();
            if kind.is_dir() {
                let Some(entries) = present(&path, fs::read_dir(&path)) else { continue };
                todo.extend(entries.filter_map(|entry| Some(present(&path, entry)?.path())));
            } else if kind.is_symlink() {
                let target = present(&path, fs::read_link(&path)).unwrap_or_default();
                hits.extend(self.in_bytes(target.to_string_lossy().as_bytes(), &format!("the link {name}")));
            } else if !kind.is_socket()
                && !kind.is_fifo()
                && !kind.is_block_device()
                && !kind.is_char_device()
                && seen.insert((metadata.dev(), metadata.ino()))
            {
                files += 1;
                let Some(file) = present(&path, File::open(&path)) else { continue };
                hits.extend(self.in_stream(file, &name));
                if let Some((_, program)) =
                    UNPACKED_BY.iter().find(|(end, _)| name.ends_with(&format!(".{end}")))
                {
                    hits.extend(self.in_packed(program, &path));
                }
                if [".zip", ".codchi"].iter().any(|end| name.ends_with(end)) {
                    hits.extend(self.in_zip(&path));
                }
            }
        }
        (hits.into_iter().collect(), files)
    }

    /// Expects that [`Hunt::search`] finds nothing in a reasonable number of files.
    ///
    /// # Panics
    /// When it finds something, or had nothing to look into.
    pub fn finds_nothing_in(&self, paths: &[&Path]) {
        let (hits, files) = self.search(paths);
        assert!(files > 0, "there are no files in {paths:?}");
        assert!(hits.is_empty(), "{}", report(&hits));
        println!("    hunted in {files} files: nothing");
    }

    /// Begins to look at the arguments and the environment of every process again and again, also of those in containers.
    pub fn sample(&self) -> Sampling {
        let (hunt, over) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let (found, ended) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::clone(&over));
        let hits = Arc::clone(&found);
        let thread = thread::spawn(move || {
            let mut looks = 0_u64;
            while !ended.load(Ordering::Relaxed) {
                let new = hunt.in_processes();
                hits.lock().unwrap().extend(new);
                looks += 1;
                thread::sleep(PAUSE);
            }
            looks
        });
        Sampling { over, found, thread: Some(thread) }
    }

    fn in_processes(&self) -> Vec<Hit> {
        let mut hits = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let process = entry.path();
            if !entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let looked_at = match &self.meant_for {
                Some(instance)
                    if fs::read_to_string(process.join("cgroup"))
                        .is_ok_and(|cgroup| cgroup.contains(instance)) =>
                {
                    &["cmdline"][..]
                }
                _ => &["cmdline", "environ"],
            };
            for what in looked_at {
                // It may have ended.
                let Ok(bytes) = fs::read(process.join(what)) else { continue };
                let found = self.in_bytes(&bytes, "");
                if !found.is_empty() {
                    let comm = fs::read_to_string(process.join("comm")).unwrap_or_default();
                    let place = format!("the {what} of {} ({})", comm.trim(), process.display());
                    hits.extend(found.into_iter().map(|hit| Hit { place: place.clone(), ..hit }));
                }
            }
        }
        hits
    }

    fn in_stream(&self, mut stream: impl Read, place: &str) -> Vec<Hit> {
        let mut hits = BTreeSet::new();
        let mut buffer = vec![0; CHUNK + self.longest];
        let mut kept = 0;
        loop {
            let n = match stream.read(&mut buffer[kept..]) {
                Ok(0) => return hits.into_iter().collect(),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("{place} can't be read: {error}"),
            };
            let filled = kept + n;
            hits.extend(self.in_bytes(&buffer[..filled], place));
            // What may be the beginning of a canary is looked at again with what follows.
            kept = filled.min(self.longest - 1);
            buffer.copy_within(filled - kept..filled, 0);
        }
    }

    fn in_zip(&self, path: &Path) -> Vec<Hit> {
        let place = path.display();
        let mut zip = zip::ZipArchive::new(File::open(path).unwrap())
            .unwrap_or_else(|error| panic!("{place} can't be unpacked: {error}"));
        let mut hits = Vec::new();
        for at in 0..zip.len() {
            let entry = zip.by_index(at).unwrap();
            let name = format!("{place} ({})", entry.name().unwrap());
            hits.extend(self.in_bytes(name.as_bytes(), &format!("the name {name}")));
            hits.extend(self.in_stream(entry, &name));
        }
        hits
    }

    fn in_packed(&self, program: &str, path: &Path) -> Vec<Hit> {
        let mut command = Command::new(program);
        // What isn't whole is looked into as far as it goes.
        command.arg("--").arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let hits = self.in_stream(child.stdout.take().unwrap(), &format!("{} (unpacked)", path.display()));
        let _ = child.wait();
        hits
    }
}

/// Looks at processes until it is ended.
pub struct Sampling {
    over: Arc<AtomicBool>,
    found: Arc<Mutex<BTreeSet<Hit>>>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Sampling {
    /// Ends it. Returns what was found and how often all processes were looked at.
    ///
    /// # Panics
    /// When it couldn't look.
    pub fn end(mut self) -> (Vec<Hit>, u64) {
        self.over.store(true, Ordering::Relaxed);
        let looks = self.thread.take().map(|thread| thread.join().expect("the sampling")).unwrap_or_default();
        (self.found.lock().unwrap().iter().cloned().collect(), looks)
    }

    /// Ends it and expects that it found nothing.
    ///
    /// # Panics
    /// When it did, or never looked.
    pub fn found_nothing(self) {
        let (hits, looks) = self.end();
        assert!(looks > 0, "no process was looked at");
        assert!(hits.is_empty(), "{}", report(&hits));
        println!("    looked at all processes {looks} times: nothing");
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

fn report(hits: &[Hit]) -> String {
    let lines: Vec<String> = hits.iter().map(ToString::to_string).collect();
    format!("secrets have leaked:\n{}", lines.join("\n"))
}

/// What is still there; a file that was removed meanwhile isn't.
fn present<T>(path: &Path, result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("{} can't be searched: {error}", path.display()),
    }
}

/// The characters that every base64 text has which contains these bytes at such an offset (modulo 3).
fn base64_at(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded = [&[0; 2][..offset], bytes].concat();
    let text = BASE64.encode(&padded);
    // The first characters depend on what is before, the last one on what follows.
    let (begin, end) = ([0, 2, 3][offset], padded.len() * 8 / 6);
    text.as_bytes()[begin..end].to_vec()
}

fn percent(bytes: &[u8], is_encoded: impl Fn(u8) -> bool) -> String {
    let encode = |byte: &u8| match is_encoded(*byte) {
        true => format!("%{byte:02X}"),
        false => char::from(*byte).to_string(),
    };
    bytes.iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &[u8] = b"t0ken+of/the=user";

    fn hunt() -> Hunt {
        Hunt::new(&[("the token", CANARY)])
    }

    #[test]
    fn finds_every_form_at_every_offset() {
        for before in 0..5 {
            for after in 0..4 {
                let text = [&b"abcde"[..before], CANARY, &b"xyz"[..after]].concat();
                let encoded = BASE64.encode(&text);
                assert_eq!(hunt().in_bytes(encoded.as_bytes(), "x").len(), 1, "{before} {after} {encoded}");
            }
        }
        let hits = |text: &str| hunt().in_bytes(text.as_bytes(), "x").len();
        assert_eq!(hits("https://x:t0ken%2Bof%2fthe%3Duser@host/"), 0, "mixed case is nobody's encoding");
        assert_eq!(hits("https://x:t0ken%2Bof%2Fthe%3Duser@host/"), 1);
        assert_eq!(hits("https://x:t0ken%2bof%2fthe%3duser@host/"), 1);
        assert_eq!(hits("7430 74306b656e2b6f662f7468653d75736572"), 1);
        assert_eq!(hits("t0ken+of/the=use"), 0);
    }

    #[test]
    fn finds_files_names_links_and_what_is_packed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("d")).unwrap();
        let far = [vec![b'.'; CHUNK + 7], CANARY.to_vec()].concat();
        fs::write(at("d/far"), far).unwrap();
        fs::write(at("clean"), b"t0ken of the user").unwrap();
        fs::write(at("log"), CANARY).unwrap();
        assert!(Command::new("bzip2").arg(at("log")).status().unwrap().success());
        fs::write(at("n-t0ken%2Bof%2Fthe%3Duser"), b"").unwrap();
        std::os::unix::fs::symlink("t0ken+of/the=user", at("link")).unwrap();
        let (hits, files) = hunt().search(&[dir.path()]);
        let places: Vec<&str> = hits.iter().map(|hit| hit.place.as_str()).collect();
        assert_eq!((hits.len(), files), (4, 4), "{hits:#?}");
        for place in ["d/far", "log.bz2 (unpacked)", "the name", "the link"] {
            assert!(places.iter().any(|found| found.contains(place)), "{place}: {places:?}");
        }
    }

    #[test]
    fn finds_what_is_in_a_zip() {
        use std::io::Write as _;
        let dir = tempfile::tempdir().unwrap();
        let mut zip = zip::ZipWriter::new(File::create(dir.path().join("bundle.zip")).unwrap());
        zip.start_file("log", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&[&[b'.'; 4096][..], CANARY].concat()).unwrap();
        zip.finish().unwrap();
        let (hits, _) = hunt().search(&[dir.path()]);
        assert!(hits.iter().any(|hit| hit.place.ends_with("bundle.zip (log)")), "{hits:?}");
    }

    #[test]
    fn finds_arguments_and_environments() {
        for (program, variable) in [("t0ken+of/the=user", ""), ("x", "t0ken+of/the=user")] {
            let sampling = hunt().sample();
            let mut child = Command::new("sh")
                .args(["-c", "read line", program])
                .env("SECRET", variable)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            while sampling.found.lock().unwrap().is_empty() {
                thread::sleep(PAUSE);
            }
            drop(child.stdin.take());
            child.wait().unwrap();
            let (hits, looks) = sampling.end();
            let expected = if variable.is_empty() { "the cmdline of sh" } else { "the environ of sh" };
            assert!(looks > 0 && hits.iter().any(|hit| hit.place.starts_with(expected)), "{hits:?}");
        }
    }
}
