//! Sockets of the host's session, which move: after a new login, or when their server is started again, they may be elsewhere.
//!
//! A container is given a link in our data directory instead of the socket. The engine follows it at each connection, so that it is
//! enough to point it elsewhere, and no container need be touched.

use std::{
    collections::BTreeSet,
    io,
    path::{Component, Path, PathBuf},
};

use super::{HostSocket, look, sound, ssh_agent, video};
use crate::{driver::Device, host::Host};

/// The machine's user and group, as `nix/drivers/machine.nix` has them.
const OWNER: (u32, u32) = (1000, 100);

/// Where sockets are in a machine. No file system is mounted over it.
const IN_MACHINE: &str = "/.codchi";

/// How long the path of a socket may be.
const LONGEST: usize = 107;

/// The first of these places at which somebody answers.
pub(super) fn answering(host: &dyn Host, candidates: &[PathBuf]) -> Option<PathBuf> {
    candidates.iter().find(|path| answers(&host.path(path))).cloned()
}

/// Connects and hangs up.
#[cfg(unix)]
fn answers(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

/// Windows' sockets of a session are WSL's.
#[cfg(not(unix))]
fn answers(_: &Path) -> bool {
    false
}

/// Whether the host's user owns a file.
#[cfg(unix)]
pub(super) fn is_of_user(host: &dyn Host, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(host.path(path)).is_ok_and(|file| file.uid() == host.user().uid)
}

#[cfg(not(unix))]
pub(super) fn is_of_user(_: &dyn Host, _: &Path) -> bool {
    false
}

/// The device for a socket, whose link is pointed at where it is now. `None` where that isn't possible; the developers' log says why.
pub(super) fn device(host: &dyn Host, links: &Path, socket: &HostSocket) -> Option<Device> {
    let link = links.join(socket.name);
    let pointed = if link.as_os_str().len() > LONGEST {
        Err(io::Error::new(io::ErrorKind::InvalidFilename, "it is too long for the path of a socket"))
    } else {
        point(&link, &host.path(&socket.at))
    };
    if let Err(error) = pointed {
        tracing::warn!(link = %link.display(), %error, "can't offer a socket");
        return None;
    }
    let user = host.user();
    Some(Device::Socket {
        name: socket.name.into(),
        host: link,
        user: (user.uid, user.gid),
        path: format!("{IN_MACHINE}/{}", socket.name),
        owner: OWNER,
    })
}

/// Where each socket that machines may have been given can be now.
fn known(host: &dyn Host) -> [(&'static str, Vec<PathBuf>); 5] {
    [
        (ssh_agent::SOCKET, ssh_agent::candidates(host)),
        (sound::PULSE, sound::pulse(host)),
        (sound::PIPEWIRE, sound::pipewire(host)),
        (video::WAYLAND, video::wayland(host)),
        (video::X11, video::x11(host)),
    ]
}

/// Points the links at which nobody answers any more at where their sockets are now. A link that works is left alone: the session
/// from which a machine was started goes before this one. Returns which have moved.
pub(crate) fn follow(host: &dyn Host, links: &Path) -> Vec<&'static str> {
    let mut moved = Vec::new();
    for (name, candidates) in known(host) {
        let link = links.join(name);
        if link.symlink_metadata().is_err() || answers(&link) {
            continue;
        }
        if let Some(at) = answering(host, &candidates) {
            match point(&link, &host.path(&at)) {
                Ok(()) => {
                    tracing::info!(name, at = %at.display(), "a socket has moved");
                    moved.push(name);
                }
                Err(error) => tracing::warn!(name, %error, "a socket has moved and can't be followed"),
            }
        }
    }
    moved
}

/// The sockets at which somebody answers and that no machine was given yet.
pub(crate) fn unused(host: &dyn Host, links: &Path) -> BTreeSet<&'static str> {
    let is_new = |name: &&str| links.join(name).symlink_metadata().is_err();
    let all = known(host).into_iter();
    all.filter(|(name, candidates)| is_new(name) && answering(host, candidates).is_some())
        .map(|(name, _)| name)
        .collect()
}

/// The directories in which sockets come and go.
pub(crate) fn places(host: &dyn Host) -> Vec<PathBuf> {
    let sockets = known(host).into_iter().flat_map(|(_, candidates)| candidates);
    let mut places: Vec<PathBuf> = sockets
        .filter_map(|socket| socket.parent().map(Path::to_owned))
        .chain([look::runtime_directory(host), video::X11_DIRECTORY.into()])
        .map(|directory| host.path(&directory))
        .filter(|directory| directory.is_dir())
        .collect();
    places.sort();
    places.dedup();
    places
}

/// Makes `link` a relative link to `target`, at once: an engine in a snap sees the host's files below another root.
fn point(link: &Path, target: &Path) -> io::Result<()> {
    let directory = link.parent().ok_or(io::ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(directory)?;
    let target = relative(&directory.canonicalize()?, target);
    if std::fs::read_link(link).is_ok_and(|now| now == target) {
        return Ok(());
    }
    // In a directory of its own, so that two processes don't meet.
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(directory)?;
    let made = new.path().join("link");
    symlink(&target, &made)?;
    std::fs::rename(made, link)
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

/// The way from a directory to an absolute path.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let up = from.components().filter(|part| matches!(part, Component::Normal(_))).map(|_| "..");
    let down = to.components().filter(|part| matches!(part, Component::Normal(_)));
    up.collect::<PathBuf>().join(down.collect::<PathBuf>())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::host::RecordedHost;

    fn listen(host: &RecordedHost, path: &str) -> UnixListener {
        let path = host.path(Path::new(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        UnixListener::bind(path).unwrap()
    }

    #[test]
    fn a_link_follows_its_socket_after_a_new_login() {
        let root = tempfile::tempdir().unwrap();
        let links = root.path().join("data/sockets");
        let host = RecordedHost::new(root.path()).with_variable("SSH_AUTH_SOCK", "/tmp/ssh-1/agent");
        let agent = listen(&host, "/tmp/ssh-1/agent");
        let socket = HostSocket { name: ssh_agent::SOCKET, at: "/tmp/ssh-1/agent".into() };
        let Some(Device::Socket { host: link, user, path, .. }) = device(&host, &links, &socket) else {
            panic!("no device")
        };
        assert_eq!((user, path.as_str()), ((1000, 1000), "/.codchi/ssh-agent"));
        assert!(answers(&link) && std::fs::read_link(&link).unwrap().is_relative());

        // Another session while this one lives changes nothing.
        let other = listen(&host, "/tmp/ssh-2/agent");
        host.set_variable("SSH_AUTH_SOCK", "/tmp/ssh-2/agent");
        follow(&host, &links);
        assert!(std::fs::read_link(&link).unwrap().ends_with("tmp/ssh-1/agent"));

        drop(agent);
        assert!(!answers(&link));
        follow(&host, &links);
        assert!(std::fs::read_link(&link).unwrap().ends_with("tmp/ssh-2/agent"));
        assert!(answers(&link));
        drop(other);
        follow(&host, &links);
        assert!(!answers(&link), "there is nothing to follow to");
        assert_eq!(std::fs::read_dir(&links).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_compositor_that_comes_back_under_another_name_is_found() {
        let root = tempfile::tempdir().unwrap();
        let links = root.path().join("sockets");
        let host = RecordedHost::new(root.path()).with_variable("WAYLAND_DISPLAY", "wayland-0");
        let first = listen(&host, "/run/user/1000/wayland-0");
        let socket = HostSocket { name: video::WAYLAND, at: "/run/user/1000/wayland-0".into() };
        device(&host, &links, &socket).unwrap();
        drop(first);
        let _second = listen(&host, "/run/user/1000/wayland-1");
        assert!(places(&host).contains(&root.path().join("run/user/1000")));
        follow(&host, &links);
        assert!(std::fs::read_link(links.join("wayland")).unwrap().ends_with("run/user/1000/wayland-1"));
    }
}
