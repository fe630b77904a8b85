//! Containers in a machine: they run in one that asks for them, and nobody can let them into one that doesn't.

use crate::session::{ASKING, PLAIN, Session};

/// The number of `CAP_SYS_RESOURCE`.
const SYS_RESOURCE: u32 = 24;

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
    session.plain();
    let refused = session.codchi.run_with(&["exec", PLAIN, "--", "bash", "-lc", RUN], BUNDLE.as_bytes());
    assert!(refused.code != 0 && !refused.stdout.contains("container"), "{refused}");
    refused.says("mount `proc` to `proc`: Operation not permitted");
}

pub fn nobody_can_let_them_into_a_machine_that_does_not_ask(session: &mut Session) {
    session.plain();
    let refused = |line: &str, why: &str| {
        let said = session.sh_fails(PLAIN, line);
        assert!(said.contains(why), "{line}: {said}");
    };
    // A user's containers, and root's, which needs no namespace of users.
    let proc = "--pid --fork --mount --mount-proc true";
    refused(&format!("unshare --user --map-root-user {proc}"), "Operation not permitted");
    refused(&format!("sudo unshare {proc}"), "Operation not permitted");
    // What keeps them out can't be lifted, walked around, or made anew.
    refused("sudo umount /proc/version", "");
    refused("sudo umount --lazy /proc/version", "");
    refused("sudo mount --bind /proc /mnt", "");
    let anew = "umount --lazy /proc; mount -t proc proc /proc";
    refused(&format!("sudo unshare --mount --propagation private sh -ec '{anew}'"), "too revealing");
    let mounted = session
        .sh(PLAIN, "findmnt --noheadings --list --output TARGET --types proc | grep -v ^/proc || true");
    assert_eq!(mounted, "", "the engine's own copies");
    // So it is after a start, too.
    session.codchi.ok(&["restart", PLAIN]);
    refused(&format!("sudo unshare {proc}"), "Operation not permitted");
}

pub fn sandboxes_need_none_of_it(session: &mut Session) {
    session.plain();
    let ran = session.sh(PLAIN, "systemctl is-system-running --wait; cut -c -13 /proc/version");
    assert_eq!(ran, "running\nLinux version");
    let properties = [
        "DynamicUser=yes",
        "LoadCredential=id:/etc/machine-id",
        "PrivateDevices=yes",
        "PrivateNetwork=yes",
        "PrivateTmp=yes",
        "ProcSubset=pid",
        "ProtectControlGroups=yes",
        "ProtectKernelTunables=yes",
        "ProtectProc=invisible",
        "ProtectSystem=strict",
    ];
    let options: String = properties.iter().map(|property| format!(" -p {property}")).collect();
    let inside = "id -u; cmp $CREDENTIALS_DIRECTORY/id /etc/machine-id && ls /sys/class/net && ls /tmp && ! touch /etc/x";
    let line = format!("touch /tmp/seen; sudo systemd-run --quiet --wait --pipe{options} sh -ec '{inside}'");
    let seen = session.sh(PLAIN, &line);
    let (user, rest) = seen.split_once('\n').unwrap();
    assert!(user.parse::<u32>().is_ok_and(|user| user >= 61184), "{seen}");
    assert_eq!(rest, "lo");
    // Another root directory with the machine's own processes: environments for foreign programs.
    let root = "mkdir root; mount -t tmpfs none root; mkdir root/proc root/nix root/usr; mount --rbind /proc root/proc; \
                mount --rbind /nix root/nix; mount --rbind /usr root/usr; \
                chroot root $(readlink -f $(command -v busybox)) cut -c -13 /proc/version";
    let line = format!("cd $(mktemp -d); unshare --user --map-root-user --mount sh -ec '{root}'");
    assert_eq!(session.sh(PLAIN, &line), "Linux version");
}

/// Whether engines that are started here have a right.
fn engine_has(right: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(rights.trim(), 16).unwrap() & (1 << right) != 0
}
