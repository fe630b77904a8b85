# The tools with which the repository is built and tested on NixOS. Elsewhere `cargo xtask setup` installs Debian's.
{ pkgs }:
pkgs.mkShell {
  packages = [
    pkgs.cargo
    pkgs.cargo-deny
    pkgs.cargo-nextest
    pkgs.clippy
    pkgs.jq
    pkgs.nix
    pkgs.nodejs
    pkgs.pkg-config
    pkgs.rust-analyzer
    pkgs.rustc
    pkgs.rustfmt
  ];

  buildInputs = [
    pkgs.dbus
    pkgs.libayatana-appindicator
    pkgs.librsvg
    pkgs.webkitgtk_4_1
    pkgs.xdotool
  ];
}
