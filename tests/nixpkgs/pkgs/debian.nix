# Debian's packages as one store path.
#
# boot/base.tar.gz and boot/busybox are made by `cargo xtask image` out of base/packages.txt and base/finish.sh. The archive
# is unpacked by a derivation: a tree of files as (part of) a flake would take seconds to hash at every lock.
{ boot, system }:
let
  # Store paths of their own, so that the tree is the same whatever else changes in the fixture.
  #
  # With its hash beside it the archive isn't read again once it is in the store: that saves 0.2 s at each evaluation.
  hashFile = boot + "/base.tar.gz.sha256";
  archive = builtins.path (
    {
      name = "debian-base.tar.gz";
      path = boot + "/base.tar.gz";
      recursive = false;
    }
    // (
      if builtins.pathExists hashFile then
        { sha256 = builtins.substring 0 64 (builtins.readFile hashFile); }
      else
        { }
    )
  );

  # busybox finds its applet by its own name, so it can't be a store path itself.
  bootstrapTools = builtins.path {
    name = "bootstrap-tools";
    path = boot;
    filter = path: _: baseNameOf path == "busybox";
  };
in
rec {
  base = derivation {
    name = "debian-base";
    inherit system;
    builder = "${bootstrapTools}/busybox";
    args = [
      "sh"
      "-ec"
      ''
        mkdir $out
        cd $out
        tar xzf ${archive}
      ''
    ];
  };

  # The base's other programs need /lib64 and so run in a machine only; this one is static and runs in the sandbox too.
  busybox = "${base}/usr/bin/busybox";

  shell = "${base}/usr/bin/bash";
}
