# Codchi's NixOS options. They declare what a module can ask for; what the answers do inside the machine is in ../drivers.
{
  imports = [
    ./capabilities.nix
    ./driver.nix
    ./host-secrets.nix
    ./init-script.nix
    ./secrets.nix
    ./services.nix
  ];
}
