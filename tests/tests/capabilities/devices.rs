//! Device nodes and system calls.

use crate::session::{ASKING, PLAIN, Session};

/// The number of `CAP_SYS_RESOURCE`.
const SYS_RESOURCE: u32 = 24;

/// Engines give the node to everybody; a machine that doesn't ask has none, and can't make one.
fn is_absent(session: &Session, node: &str, numbers: &str) {
    session.plain();
    session.sh(PLAIN, &format!("test ! -e {node}"));
    let refused =
        session.sh_fails(PLAIN, &format!("sudo mkdir -p $(dirname {node}); sudo mknod {node} c {numbers}"));
    assert!(refused.contains("Operation not permitted"), "{refused}");
}

pub fn a_file_system_in_user_space_is_mounted(session: &mut Session) {
    session.asking();
    let line = "rm -rf from to; mkdir from to; echo mirrored >from/file; sudo bindfs from to; cat to/file; \
                grep -c '/to fuse' /proc/mounts; sudo umount to";
    assert_eq!(session.sh(ASKING, line), "mirrored\n1");
    is_absent(session, "/dev/fuse", "10 229");
    session.sh_fails(PLAIN, "mkdir -p from to; sudo bindfs from to");
}

pub fn a_tunnel_is_made(session: &mut Session) {
    session.asking();
    let line = "sudo ip tuntap add dev tunnel mode tun; ip -br link show tunnel | cut -d' ' -f1; sudo ip link delete tunnel";
    assert_eq!(session.sh(ASKING, line), "tunnel");
    is_absent(session, "/dev/net/tun", "10 200");
    session.sh_fails(PLAIN, "sudo ip tuntap add dev tunnel mode tun");
}

pub fn containers_nest(session: &mut Session) {
    session.asking();
    // What a container is made of: namespaces of its own, processes of its own, layers with a whiteout.
    let container = "mkdir lower upper work root && echo 1 >lower/gone && \
                     mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr root && \
                     rm root/gone && stat -c %F upper/gone && echo $$";
    let line = format!(
        "cd $(mktemp -d); unshare --user --map-root-user --mount --pid --fork --mount-proc sh -ec '{container}'"
    );
    assert_eq!(session.sh(ASKING, &line), "character special file\n1");
    // A layer that holds a device. An engine without this right can't do it for a container, and isn't asked to.
    let device = "sudo rm -f null; sudo mknod null c 1 3; stat -c %t:%T null";
    if engine_has(SYS_RESOURCE) {
        assert_eq!(session.sh(ASKING, device), "1:3");
    } else {
        let list = session.codchi.ok(&["capabilities", ASKING]);
        list.says("CAP_SYS_RESOURCE");
        assert!(session.sh_fails(ASKING, device).contains("Operation not permitted"));
    }
    session.plain();
    assert!(session.sh_fails(PLAIN, device).contains("Operation not permitted"));
}

/// What an OCI runtime is told: the machine's own programs in another root, in namespaces of their own.
const BUNDLE: &str = r#"{
  "ociVersion": "1.0.2",
  "process": {
    "user": { "uid": 0, "gid": 0 },
    "args": ["/bin/busybox", "sh", "-c", "echo container $$ on $(hostname); mount -t proc again /mnt && echo nests"],
    "env": ["PATH=/bin"],
    "cwd": "/",
    "capabilities": { "bounding": ["CAP_SYS_ADMIN"], "effective": ["CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_ADMIN"] }
  },
  "root": { "path": "rootfs" },
  "hostname": "inner",
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] }
  ],
  "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }, { "type": "uts" }, { "type": "ipc" }, { "type": "network" }] }
}"#;

/// Unpacks a bundle and runs it.
const RUN: &str = "cd $(mktemp -d); mkdir -p rootfs/bin rootfs/dev rootfs/proc rootfs/mnt; \
    cp -L $(command -v busybox) rootfs/bin/busybox; ln -s busybox rootfs/bin/sh; ln -s busybox rootfs/bin/mount; \
    cat >config.json; sudo $(command -v crun) --cgroup-manager=disabled run inner";

pub fn a_container_runs_in_the_machine(session: &mut Session) {
    session.asking();
    let ran = session.codchi.run_with(&["exec", ASKING, "--", "bash", "-lc", RUN], BUNDLE.as_bytes());
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "container 1 on inner\nnests\n"), "{ran}");
}

/// Whether engines that are started here have a right.
fn engine_has(right: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(rights.trim(), 16).unwrap() & (1 << right) != 0
}
