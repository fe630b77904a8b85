//! Device nodes.

use crate::session::{ASKING, PLAIN, Session};

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
