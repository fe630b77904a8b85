{ pkgs, ... }:
{
  environment.systemPackages = [
    pkgs.git
    pkgs.gnumake
    pkgs.jq
  ];

  environment.shellAliases.check = "make -C ~/project check";

  environment.variables.PROJECT = "$HOME/project";
}
