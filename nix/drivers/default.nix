# What makes a NixOS a code machine. Each driver's module is always there and active only for its own driver.
{
  imports = [
    ./machine.nix
    ./lxd.nix
    ./secrets.nix
  ]
  ++ (import ../capabilities).modules;
}
