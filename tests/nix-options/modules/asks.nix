{ lib, config, ... }:
{
  imports = [ ./asks-deeper.nix ];
  codchi.secrets.imported.description = "d";
  codchi.secrets.conditional = lib.mkIf (config.codchi.initScript == "") { description = "d"; };
}
