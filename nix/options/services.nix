# Units that use secrets.
#
# Which secrets there are is in secrets.nix; what a unit gets is made in ../drivers/secrets.nix.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  units =
    description:
    mkOption {
      default = { };
      example.backup.secrets = [ "backup-key" ];
      inherit description;
      type = types.attrsOf (
        types.submodule {
          options.secrets = mkOption {
            type = types.listOf types.str;
            default = [ ];
            apply = lib.unique;
            example = [ "api-token" ];
            description = "The names of the secrets, as in `codchi.secrets`.";
          };
        }
      );
    };
in
{
  options.codchi = {
    services = units ''
      Secrets of the system's services, by the name that they have in `systemd.services`. A service named here starts when the
      secrets are there, and not before. Each one is a file in `$CREDENTIALS_DIRECTORY`, whichever user the service
      runs as, and one of kind `env` is in its environment too. An optional secret that isn't set is neither. systemd takes only text
      (UTF-8) into an environment: any other value is in the file only.
    '';

    userServices = units ''
      The same for services of the user, in `systemd.user.services`. They have the variables in their environment, and read
      files from where the secrets' `path` says.
    '';
  };
}
