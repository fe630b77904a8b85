//! One isolated world: an engine daemon of its own, images, a session with a keyring, configuration and data directories, made and removed by
//! `cargo xtask world DIR [--down]`. The tests use it, and a person does: `eval "$(cargo xtask world DIR)"`.
//!
//! Standard output carries `export` lines only; everything for people goes to standard error.

mod bridge;
mod engine;
mod idmap;
mod leftovers;
mod record;
mod session;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::image::{self, Nixpkgs};
use crate::packages;
use crate::process;
use crate::workspace::Workspace;
use engine::Daemon;
pub(crate) use engine::Engine;
use record::Record;
pub(crate) use session::{Session, users_own as users_own_session};

/// Unix socket paths, with their final NUL, must fit into this (sun_path in unix(7)).
const SOCKET_PATH_LIMIT: usize = 108;
/// The longest name an engine gives a socket in its directory.
const LONGEST_SOCKET: &str = "seccomp.socket";

/// The group of an engine that only root may use.
const DEFAULT_GROUP: &str = "root";

/// What `cargo xtask world` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The world's directory
    pub(crate) dir: PathBuf,
    /// The engine to run
    #[arg(long, value_enum, default_value = "lxd")]
    pub(crate) engine: Engine,
    /// The Unix group that may use the engine
    #[arg(long, default_value = DEFAULT_GROUP)]
    pub(crate) group: String,
    /// The user who owns the configuration and data directories [default: the one who called sudo, or root]
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Use the images in this directory instead of making them
    #[arg(long, value_name = "DIR")]
    pub(crate) images: Option<PathBuf>,
    /// Let the engine log every request to DIR/daemon.log
    #[arg(long)]
    pub(crate) log_requests: bool,
    /// Leave the `codchi` command as it is instead of building it first
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Remove every trace of the world
    #[arg(long)]
    pub(crate) down: bool,
}

/// Makes or removes the world.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let dir = absolute(&options.dir)?;
    if !nix::unistd::geteuid().is_root() {
        print!("{}", through_sudo(workspace, &dir, options)?);
        return Ok(());
    }
    if options.down {
        return down(&dir);
    }
    let world = up(workspace, &dir, options)?;
    print!("{}", exports(workspace, &dir, &world));
    Ok(())
}

/// A world runs its own engine, which needs root; what is built is built as the caller.
fn through_sudo(workspace: &Workspace, dir: &Path, options: &Options) -> Result<String> {
    if options.down {
        return as_root(workspace, dir, &["--down"]);
    }
    let images = match &options.images {
        Some(images) => std::path::absolute(images)?,
        None => image::make(workspace, None, Nixpkgs::Fixture)?.dir,
    };
    if !options.no_build {
        build_codchi(workspace)?;
    }
    let images = images.display().to_string();
    let mut args = vec!["--engine", options.engine.name(), "--images", &images, "--no-build"];
    let own_group = process::read(std::process::Command::new("id").arg("-gn"))?;
    // A group that the caller is not in would lock the caller out.
    args.extend(["--group", if options.group == DEFAULT_GROUP { own_group.trim() } else { &options.group }]);
    if let Some(user) = &options.user {
        args.extend(["--user", user]);
    }
    if options.log_requests {
        args.push("--log-requests");
    }
    as_root(workspace, dir, &args)
}

fn build_codchi(workspace: &Workspace) -> Result<()> {
    eprintln!("building codchi");
    process::run(workspace.cargo().args(["build", "--quiet", "-p", "codchi-cli"]))
}

/// `cargo xtask world DIR ARGS` as root, through sudo where we are not; what it prints.
pub(crate) fn as_root(workspace: &Workspace, dir: &Path, args: &[&str]) -> Result<String> {
    let program = std::env::current_exe().context("cannot find the running xtask")?;
    let mut command = packages::as_root(&program.to_string_lossy())?;
    command.current_dir(&workspace.root).arg("world").arg(dir).args(args);
    let out = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run `xtask world` as root")?;
    ensure!(out.status.success(), "the world in {} could not be prepared", dir.display());
    Ok(String::from_utf8(out.stdout)?)
}

/// Makes the world, or what is missing of it.
fn up(workspace: &Workspace, dir: &Path, options: &Options) -> Result<Record> {
    check_length(dir, options.engine)?;
    check_reachable(dir)?;
    if !options.engine.is_installed() || !Session::is_installed() {
        packages::install(options.engine.packages())?;
    }
    let user = owner(options.user.as_deref())?;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let images = match &options.images {
        Some(images) => images.clone(),
        None => image::make(workspace, None, Nixpkgs::Fixture)?.dir,
    };
    copy_images(&images, &dir.join("images"))?;
    if !options.no_build {
        build_codchi(workspace)?;
    }
    for name in ["config", "data"] {
        let path = dir.join(name);
        fs::create_dir_all(&path)?;
        chown(&path, Some(user.0), Some(user.1))?;
    }
    let world = match Record::read(dir)? {
        Some(world) if world.engine != options.engine => {
            bail!(
                "{} already is a world on {}: remove it first with --down",
                dir.display(),
                world.engine.name()
            )
        }
        Some(world) => world,
        None => Record::new(options.engine, &options.group, options.log_requests),
    };
    let world = start(dir, world)?;
    session(dir, Some(user)).start()?;
    Ok(world)
}

/// The world's session.
fn session(dir: &Path, owner: Option<(u32, u32)>) -> Session {
    Session::new(dir.join("session"), owner)
}

/// Brings the daemon up and prepares it where it is new.
fn start(dir: &Path, mut world: Record) -> Result<Record> {
    let daemon = Daemon::new(world.engine, dir);
    if daemon.is_up() && world.bridge.is_some() {
        return Ok(world);
    }
    // Held until the engine has made the bridge: two worlds at once must not choose the same.
    let mut turn = bridge::turn()?;
    world.write(dir)?;
    if !daemon.is_up() {
        allow_watches()?;
        if world.engine == Engine::Incus {
            idmap::one_range_for_root()?;
        }
        eprintln!("starting {}", world.engine.name());
        daemon.start(&world)?;
    }
    if world.bridge.is_none() {
        let bridge = turn.choose()?;
        daemon.preseed(&bridge)?;
        world.bridge = Some(bridge.name);
        world.write(dir)?;
    }
    Ok(world)
}

/// Raises the host's limit of inotify instances: Debian's 128 are shared by all containers and last for a dozen
/// systemds. The engines' manuals ask for as much. It stays raised until the next boot.
fn allow_watches() -> Result<()> {
    const LIMIT: &str = "/proc/sys/fs/inotify/max_user_instances";
    const WANTED: u32 = 1 << 20;
    let text = fs::read_to_string(LIMIT).with_context(|| format!("cannot read {LIMIT}"))?;
    if text.trim().parse().is_ok_and(|limit: u32| limit >= WANTED) {
        return Ok(());
    }
    eprintln!("raising fs.inotify.max_user_instances from {} to {WANTED}", text.trim());
    fs::write(LIMIT, format!("{WANTED}\n")).with_context(|| format!("cannot write {LIMIT}"))
}

/// Stops and removes everything. A world that is not there is fine.
fn down(dir: &Path) -> Result<()> {
    let Some(world) = Record::read(dir)? else {
        let is_other = dir.exists() && fs::read_dir(dir).is_ok_and(|mut d| d.next().is_some());
        ensure!(!is_other || is_unfinished(dir), "{} is not a world: nothing was removed", dir.display());
        return leftovers::remove_dir(dir);
    };
    let daemon = Daemon::new(world.engine, dir);
    if daemon.is_up() {
        eprintln!("stopping {}", world.engine.name());
        daemon.shutdown();
    }
    leftovers::end_processes(&daemon, &session(dir, None))?;
    if let Some(bridge) = &world.bridge {
        bridge::turn()?.remove(bridge, world.engine)?;
    }
    leftovers::unmount(dir)?;
    leftovers::remove_dir(dir)
}

/// A directory that an interrupted `world` left before it wrote its record.
fn is_unfinished(dir: &Path) -> bool {
    let ours = ["config", "data", "images"];
    fs::read_dir(dir).is_ok_and(|entries| {
        entries.flatten().all(|e| e.file_name().to_str().is_some_and(|n| ours.contains(&n)))
    })
}

fn absolute(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    ensure!(dir.parent().is_some(), "{} cannot be a world", dir.display());
    Ok(dir)
}

fn check_length(dir: &Path, engine: Engine) -> Result<()> {
    let socket = dir.join(engine.name()).join(LONGEST_SOCKET);
    let length = socket.as_os_str().len();
    ensure!(
        length < SOCKET_PATH_LIMIT,
        "{} is too long for a world: its socket {} has {length} bytes, {} fit; choose a directory {} bytes shorter",
        dir.display(),
        socket.display(),
        SOCKET_PATH_LIMIT - 1,
        length + 1 - SOCKET_PATH_LIMIT
    );
    Ok(())
}

/// The containers' root is nobody special outside: it must get through every directory above.
fn check_reachable(dir: &Path) -> Result<()> {
    let closed =
        dir.ancestors().skip(1).find(|d| fs::metadata(d).is_ok_and(|m| m.permissions().mode() & 0o001 == 0));
    match closed {
        Some(closed) => bail!(
            "containers could not reach {}: {} is closed to other users; choose a directory below /tmp or /var/lib",
            dir.display(),
            closed.display()
        ),
        None => Ok(()),
    }
}

/// User and group id of the named user, of sudo's caller, or of root.
fn owner(name: Option<&str>) -> Result<(u32, u32)> {
    if let Some(name) = name {
        let user =
            nix::unistd::User::from_name(name)?.with_context(|| format!("there is no user {name:?}"))?;
        return Ok((user.uid.as_raw(), user.gid.as_raw()));
    }
    let id = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(0);
    Ok((id("SUDO_UID"), id("SUDO_GID")))
}

/// The world keeps the images it began with; a rebuild beside it does not change them under its feet.
fn copy_images(from: &Path, to: &Path) -> Result<()> {
    if to.join("manifest.json").exists()
        && fs::read(to.join("manifest.json"))? == fs::read(from.join("manifest.json"))?
    {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (source, name) = entry.map(|e| (e.path(), e.file_name()))?;
        let target = to.join(&name);
        let _ = fs::remove_file(&target);
        if fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}

/// The lines for `eval`.
fn exports(workspace: &Workspace, dir: &Path, world: &Record) -> String {
    let mut lines = String::new();
    let mut export = |name: &str, value: &Path| {
        lines += &format!("export {name}={}\n", quoted(&value.to_string_lossy()));
    };
    for (name, value) in Daemon::new(world.engine, dir).environment() {
        export(name, &value);
    }
    export("CODCHI_CONFIG_DIR", &dir.join("config"));
    export("CODCHI_DATA_DIR", &dir.join("data"));
    export("CODCHI_IMAGE_DIR", &dir.join("images"));
    export("CODCHI_DRIVER", Path::new(world.engine.name()));
    export("DBUS_SESSION_BUS_ADDRESS", Path::new(&session(dir, None).address()));
    lines +=
        &format!("export PATH={}:\"$PATH\"\n", quoted(&workspace.target.join("debug").to_string_lossy()));
    lines
}

/// A word for a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_too_long_for_a_socket_is_refused_with_the_numbers() {
        let fits = PathBuf::from(format!("/{}", "d".repeat(87)));
        check_length(&fits, Engine::Lxd).unwrap();
        let long = PathBuf::from(format!("/{}", "d".repeat(90)));
        let e = check_length(&long, Engine::Lxd).unwrap_err().to_string();
        assert!(e.contains("110 bytes") && e.contains("3 bytes shorter"), "{e}");
    }

    #[test]
    fn a_directory_that_containers_cannot_reach_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let e = check_reachable(&home.path().join("a/world")).unwrap_err().to_string();
        assert!(e.contains(&format!("{} is closed to other users", home.path().display())), "{e}");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).unwrap();
        check_reachable(&home.path().join("a/world")).unwrap();
    }

    #[test]
    fn exports_survive_the_shell() {
        let workspace = Workspace { root: "/src".into(), target: "/src/target".into() };
        let dir = Path::new("/tmp/it's a $world");
        let text = exports(&workspace, dir, &Record::new(Engine::Lxd, "root", false));
        let script = format!("{text}printf '%s|%s' \"$LXD_DIR\" \"$CODCHI_DRIVER\"");
        let out = process::read(std::process::Command::new("sh").args(["-c", &script])).unwrap();
        assert_eq!(out, "/tmp/it's a $world/lxd|lxd");
        assert!(text.lines().all(|l| l.starts_with("export ")));
    }

    #[test]
    fn a_directory_that_is_no_world_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(down(dir.path()).unwrap_err().to_string().contains("is not a world"));
        assert!(dir.path().join("thesis.tex").exists());
    }
}
