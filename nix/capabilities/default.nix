# What a machine's system does with each capability: one file per capability, named as modules call it. Its other half, what is
# looked for on the host and given to the container, is the file of the same name in crates/controller/src/capability.
#
# A file must evaluate alike with the supported NixOS releases and tests/nixpkgs, and cope with an optional capability that the host
# doesn't have.
let
  files = builtins.filter (file: file != "default.nix") (
    builtins.attrNames (builtins.readDir ./.)
  );
in
{
  # gpu.nix -> gpu
  names = map (file: builtins.head (builtins.match "(.*)\\.nix" file)) files;

  modules = map (file: ./. + "/${file}") files;
}
