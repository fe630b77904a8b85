# Debian's packages as one store path.
#
# boot/base.tar.gz is made by `cargo xtask image` from base/packages.txt and base/finish.sh. It's unpacked by a derivation:
# a tree of files as (part of) a flake would be hashed anew at every lock.
{
  lib,
  source,
  system,
}:
let
  boot = name: "${source}/boot/${name}";
in
rec {
  base = derivation {
    name = "debian-base";
    inherit system;
    builder = boot "busybox";
    args = [
      "sh"
      "-ec"
      ''
        mkdir $out
        cd $out
        tar xzf ${boot "base.tar.gz"}
      ''
    ];
  };

  # The base's other programs need /lib64 and so run in a machine only; this one is static and runs in the sandbox too.
  # It finds its applet by its own name: the file must be called `busybox`.
  busybox = "${base}/usr/bin/busybox";

  shell = "${base}/usr/bin/bash";
}
