{ pkgs, ... }:
{
  environment.systemPackages = [
    (pkgs.writeShellScriptBin "hello" ''
      echo "Hello from the module nixosModules.hello!"
    '')
  ];
}
