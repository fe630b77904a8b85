# The images of a release, out of nixpkgs: controller.tar, machine.tar and manifest.json, laid out as `cargo xtask image`
# lays them out of Debian's packages (see xtask/src/image, which says why each file is there).
#
# The controller's own /nix/store is a volume that starts empty, so nothing in its root may need a store path: its programs
# are static.
{
  lib,
  runCommand,
  pkgsStatic,
  cacert,
  ctrl-serve,
  nixpkgsSource,
  version,
}:
let
  programs = [
    pkgsStatic.busybox
    pkgsStatic.bash
    pkgsStatic.gitMinimal
    pkgsStatic.nix
    pkgsStatic.openssh
  ];

  buildUsers = lib.range 1 32;

  passwd = lib.concatLines (
    [ "root:x:0:0::/root:/bin/bash" ]
    ++ map (n: "nixbld${toString n}:x:${toString (30000 + n)}:30000::/var/empty:/bin/false") buildUsers
    ++ [ "nobody:x:65534:65534::/nonexistent:/bin/false" ]
  );

  group = lib.concatLines [
    "root:x:0:"
    "nixbld:x:30000:${lib.concatMapStringsSep "," (n: "nixbld${toString n}") buildUsers}"
    "nogroup:x:65534:"
  ];

  # What machines are built with, as it is in the repository; nothing of it is named, so that nothing can be forgotten.
  sources = builtins.path {
    name = "codchi-nix";
    path = ../.;
    filter =
      path: _:
      !lib.elem path [
        (toString ../packages)
        (toString ../release)
      ];
  };

  daemonConf = ''
    experimental-features = nix-command flakes
    build-users-group = nixbld
    sandbox = true
    sandbox-fallback = false
    sandbox-paths = /bin/sh=/usr/bin/busybox
    trusted-users =
    allowed-users = *
    max-jobs = auto
    max-build-log-size = 268435456
  '';
in
runCommand "codchi-images-${version}"
  {
    inherit
      daemonConf
      group
      passwd
      ;
    passAsFile = [
      "daemonConf"
      "group"
      "passwd"
    ];
    manifest = builtins.toJSON {
      inherit version;
      nixpkgs = nixpkgsSource.rev or "unknown";
    };
  }
  ''
    usr_links() {
      for dir in bin sbin lib lib64; do
        mkdir -p $1/usr/$dir
        ln -s usr/$dir $1/$dir
      done
    }
    pack() {
      tar --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner -C $1 -cf $out/$1.tar .
      sha256sum $out/$1.tar | sed "s,$out/,," >$out/$1.tar.sha256
    }
    mkdir $out

    # --- the controller
    mkdir -p controller/{config,dev,instances,proc,root,run,sys,tmp,var/empty,var/tmp} \
      controller/nix/{store,var/nix/{daemon-socket,db,profiles/per-instance}} \
      controller/etc/{nix,nix-daemon,ssl/certs} controller/usr/share/ca-certificates
    usr_links controller
    chmod 1777 controller/{tmp,var/tmp}
    chmod 700 controller/root

    # A program that is found twice is the first package's; whatever isn't linked statically would not run.
    for package in ${lib.escapeShellArgs (lib.reverseList (map lib.getBin programs))}; do
      cp -a --remove-destination $package/bin/. controller/usr/bin/
      [ ! -d $package/libexec ] || cp -a $package/libexec controller/usr/
      [ ! -d $package/share/git-core ] || cp -a $package/share/git-core controller/usr/share/
    done
    chmod -R u+w controller/usr
    install -m 755 ${ctrl-serve}/bin/ctrl-serve controller/usr/bin/ctrl-serve
    ln -sf ../bin/ctrl-serve controller/usr/sbin/init
    ln -sf bash controller/usr/bin/sh

    cp $passwdPath controller/etc/passwd
    cp $groupPath controller/etc/group
    cp $daemonConfPath controller/etc/nix-daemon/nix.conf
    # The files that both recipes share.
    cp -r ${./controller-root}/. controller/
    chmod -R u+w controller
    ln -s /run/codchi/resolv.conf controller/etc/resolv.conf
    ln -s /run/codchi/ca-bundle.crt controller/etc/ssl/certs/ca-certificates.crt
    cp ${cacert}/etc/ssl/certs/ca-bundle.crt controller/usr/share/ca-certificates/system.crt

    cp -r ${../release} controller/usr/share/codchi
    chmod u+w controller/usr/share/codchi
    cp -r ${sources} controller/usr/share/codchi/nix
    cp -r ${nixpkgsSource} controller/usr/share/codchi-nixpkgs
    pack controller

    # --- the machine
    mkdir -p machine/{.codchi,dev,etc,home,mnt,proc,root,run,sys,tmp,var} \
      machine/nix/{store,var/nix/{daemon-socket,db,gcroots,profiles}}
    usr_links machine
    chmod 1777 machine/tmp
    chmod 700 machine/root
    ln -s /nix/var/nix/profiles machine/nix/var/nix/gcroots/profiles
    install -m 755 ${ctrl-serve}/bin/ctrl-serve machine/.codchi/ctrl-serve
    ln -s /.codchi/ctrl-serve machine/usr/sbin/init
    pack machine

    entry() {
      printf '"%s":{"file":"%s.tar","sha256":"%s","size":%s}' $1 $1 $(cut -d' ' -f1 $out/$1.tar.sha256) $(stat -c %s $out/$1.tar)
    }
    printf '%s,"images":{%s,%s}}\n' "''${manifest%\}}" "$(entry controller)" "$(entry machine)" >$out/manifest.json
  ''
