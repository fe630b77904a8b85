# The NixOS options that the fixture knows, each with NixOS' name and meaning. An unknown option is an error, as in NixOS.
{
  imports = [
    ./activation.nix
    ./assertions.nix
    ./container.nix
    ./environment.nix
    ./etc.nix
    ./network.nix
    ./nix.nix
    ./sudo.nix
    ./systemd.nix
    ./toplevel.nix
    ./users.nix
  ];
}
