# Packages under the names of nixpkgs. Each links the programs that it has out of the Debian tree.
{
  lib,
  base,
  runCommand,
  writeShellScriptBin,
}:
let
  # A package with the named programs. The first one is what `lib.getExe` means.
  programs =
    name: binaries:
    runCommand name
      {
        meta.mainProgram = builtins.head binaries;
      }
      ''
        mkdir -p $out/bin
        for binary in ${toString binaries}; do
          for dir in bin sbin; do
            [ ! -e ${base}/usr/$dir/$binary ] || ln -sf ${base}/usr/$dir/$binary $out/bin/
          done
          [ -L $out/bin/$binary ] || { echo "the Debian tree has no program $binary" >&2; exit 1; }
        done
      '';
in
{
  # Everything that the tree has on its PATH: what NixOS calls the required packages, and more.
  debianPrograms = runCommand "debian-programs" { } ''
    mkdir -p $out/bin
    ln -s ${base}/usr/sbin/* $out/bin/
    ln -sf ${base}/usr/bin/* $out/bin/
  '';

  bindfs = programs "bindfs" [ "bindfs" ];
  bash = programs "bash" [
    "bash"
    "sh"
  ];
  bashInteractive = programs "bash-interactive" [
    "bash"
    "sh"
  ];
  busybox = programs "busybox" [ "busybox" ];
  coreutils = programs "coreutils" [
    "ls"
    "base64"
    "basename"
    "cat"
    "chmod"
    "chown"
    "cp"
    "cut"
    "date"
    "dd"
    "df"
    "dirname"
    "du"
    "echo"
    "env"
    "expr"
    "false"
    "head"
    "id"
    "install"
    "ln"
    "mkdir"
    "mktemp"
    "mv"
    "nproc"
    "od"
    "paste"
    "printf"
    "pwd"
    "readlink"
    "realpath"
    "rm"
    "rmdir"
    "seq"
    "sha256sum"
    "sleep"
    "sort"
    "stat"
    "stty"
    "sync"
    "tail"
    "tee"
    "test"
    "timeout"
    "touch"
    "tr"
    "true"
    "uname"
    "uniq"
    "wc"
    "whoami"
    "yes"
  ];
  crun = programs "crun" [ "crun" ];
  curl = programs "curl" [ "curl" ];
  findutils = programs "findutils" [
    "find"
    "xargs"
  ];
  fuse3 = programs "fuse3" [ "fusermount3" ];
  gawk = programs "gawk" [ "gawk" ];
  git = programs "git" [ "git" ];
  gnugrep = programs "gnugrep" [ "grep" ];
  gnumake = programs "gnumake" [ "make" ];
  gnused = programs "gnused" [ "sed" ];
  gnutar = programs "gnutar" [ "tar" ];
  gzip = programs "gzip" [
    "gzip"
    "gunzip"
  ];
  iproute2 = programs "iproute2" [
    "ip"
    "ss"
  ];
  jq = programs "jq" [ "jq" ];
  less = programs "less" [ "less" ];
  nix = programs "nix" [
    "nix"
    "nix-build"
    "nix-collect-garbage"
    "nix-env"
    "nix-instantiate"
    "nix-store"
  ];
  openssh = programs "openssh" [
    "ssh"
    "ssh-add"
    "ssh-agent"
    "ssh-keygen"
    "scp"
  ];
  procps = programs "procps" [
    "ps"
    "free"
    "pgrep"
    "pkill"
    "top"
  ];
  pulseaudio = programs "pulseaudio" [
    "pactl"
    "pacat"
    "paplay"
    "parec"
  ];
  systemd = programs "systemd" [
    "systemctl"
    "journalctl"
    "systemd-run"
    "systemd-tmpfiles"
    "udevadm"
  ];
  util-linux = programs "util-linux" [
    "mount"
    "flock"
    "lsblk"
    "setpriv"
    "umount"
    "unshare"
  ];

  hello = writeShellScriptBin "hello" ''
    echo "Hello, world!"
  '';
}
