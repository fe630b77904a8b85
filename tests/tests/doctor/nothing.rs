//! A computer on which no engine was ever installed: the host itself seen through an overlay, without the engines' packages, with
//! processes of its own. What is installed there is gone with it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use codchi_tests::cli::Codchi;

use crate::patient::{Patient, check, fails, is_well};

/// Makes the computer in the directory `$1` and waits. The engine's directory is no part of the overlay, as containers' roots need more
/// than it can do. What is mounted is the root of its namespace, not only of its processes: the engine leaves and enters namespaces.
const MAKE: &str = r#"
set -eu
mount --types tmpfs --options size=12g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount --types overlay --options "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mount --types proc proc "$1/root/proc"
mount --rbind /sys "$1/root/sys"
mount --rbind /dev "$1/root/dev"
mount --types tmpfs tmpfs "$1/root/run"
printf '#!/bin/sh\nexit 101\n' >"$1/root/usr/sbin/policy-rc.d"
chmod +x "$1/root/usr/sbin/policy-rc.d"
installed=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' 'lxd*' 'incus*' | sed -n 's/ installed$//p')
chroot "$1/root" dpkg --purge --force-depends $installed >&2
rm -rf "$1/root/var/lib/lxd" "$1/root/var/lib/incus"
mkdir "$1/root/var/lib/lxd"
mkdir "$1/lxd"
mount --bind "$1/lxd" "$1/root/var/lib/lxd"
mkdir "$1/root/before"
cd "$1/root"
pivot_root . before
umount --lazy /before
echo ready
exec sleep infinity
"#;

/// Gives the computer a user without any rights, and what asks for the administrator's: polkit, whose agent here says yes to whatever that
/// user is asked, and leaves a note each time.
const DESKTOP: &str = r#"
set -eu
apt-get update -qq
apt-get install --yes -qq --no-install-recommends dbus pkexec polkitd
useradd --create-home --user-group "$1"
mkdir -p /run/dbus /run/asked
chown polkitd /run/asked
cat >/etc/polkit-1/rules.d/00-agent.rules <<'END'
polkit.addRule(function(action, subject) {
    if (action.id == "org.freedesktop.policykit.exec") {
        polkit.spawn(["mktemp", "/run/asked/XXXXXX"]);
        return polkit.Result.YES;
    }
});
END
dbus-daemon --system --fork
/usr/lib/polkit-1/polkitd --no-debug >/run/polkitd.log 2>&1 &
for _ in $(seq 600); do
    if busctl --system status org.freedesktop.PolicyKit1 >/dev/null 2>&1; then exit 0; fi
    sleep 0.1
done
cat /run/polkitd.log >&2
exit 1
"#;

/// Who uses the computer.
const USER: &str = "somebody";

struct Computer {
    holder: Child,
    /// The first process in it, as the host counts.
    init: String,
}

impl Computer {
    fn new(place: &Path) -> Self {
        fs::create_dir_all(place).unwrap();
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--propagation",
            "private",
            "sh",
            "-c",
            MAKE,
            "sh",
        ]);
        command
            .arg(place)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive");
        let mut holder = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n", "the computer can't be made");
        let pid = holder.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        Self { holder, init: children.trim().to_owned() }
    }

    fn words(&self) -> [&str; 6] {
        ["nsenter", "--target", &self.init, "--mount", "--pid", "--wdns=/"]
    }

    fn command(&self, argv: &[&str]) -> Command {
        let words = self.words();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(argv)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root");
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    }

    /// Runs something in it.
    fn run(&self, argv: &[&str]) -> String {
        let output = self.command(argv).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{argv:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs something in it; whether it worked doesn't matter.
    fn attempt(&self, argv: &[&str]) {
        let _ = self.command(argv).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        // The bridge and its firewall rules are the host's.
        self.attempt(&["timeout", "60", "lxc", "stop", "--all", "--force"]);
        self.attempt(&["lxc", "profile", "device", "remove", "default", "eth0"]);
        self.attempt(&["lxc", "network", "delete", "lxdbr0"]);
        self.attempt(&["timeout", "30", "lxd", "shutdown", "--timeout", "20"]);
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

pub fn without_any_engine_one_is_installed_and_the_first_machine_runs(_: &mut ()) {
    // It has the images and the program.
    let patient = Patient::new();
    let url = patient.example("hello").url();
    let computer = Computer::new(&patient.place("computer"));
    computer.run(&["sh", "-c", DESKTOP, "sh", USER]);
    let own = |codchi: &Codchi| {
        ["CODCHI_DRIVER", "LXD_DIR", "LXD_CONF", "CODCHI_CONFIG_DIR", "CODCHI_DATA_DIR"]
            .iter()
            .fold(codchi.clone(), |codchi, name| codchi.without(name))
            .env("HOME", format!("/home/{USER}"))
            .env("PATH", "/usr/bin:/bin")
    };
    let ids = [format!("--reuid={USER}"), format!("--regid={USER}")];
    // Each command is a new login's.
    let login = ["setpriv", &ids[0], &ids[1], "--init-groups", "--"];
    let codchi = own(&patient.codchi).behind(&[&computer.words()[..], &login].concat());
    let found = fails(&codchi, "engine", "missing", "Neither LXD nor Incus is installed", "engine");
    let commands = found["fix"]["commands"].as_array().unwrap();
    let lines: Vec<String> = commands
        .iter()
        .map(|argv| {
            argv.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert!(lines.contains(&"apt-get install --yes lxd".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"lxc storage create default dir".to_owned()), "{lines:#?}");
    assert_eq!(found["fix"]["elevates"], true);
    codchi.fails(4, &["init", "hello", &url]).says("codchi doctor");
    let refused = codchi.fails(2, &["doctor", "--fix", "engine"]);
    for line in &lines {
        refused.says(line);
    }
    assert_eq!(check(&codchi, "engine")["reason"], "missing", "nothing was run unasked");

    // All is done, but this login isn't in the group yet.
    let mended = codchi.fails(4, &["doctor", "--fix", "engine", "--yes"]);
    println!("  installed, started and initialised in {:.0} s", mended.took.as_secs_f32());
    mended.says("pkexec").says("Log out and in again");
    assert_eq!(computer.run(&["ls", "/run/asked"]).lines().count(), 1, "one prompt for all of them");
    for id in ["engine", "version", "pool", "profile", "network", "idmap"] {
        is_well(&codchi, id);
    }
    codchi.ok(&["init", "hello", &url]);
    assert!(codchi.exec("hello", &["hello"]).contains("Hello"));
}
