# Secrets that belong to the user's computer, not to a module. The user consents to each, per machine.
{ lib, ... }:
let
  request =
    what:
    lib.mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether the machine asks for ${what}. The user is asked for consent before the build.";
    };
in
{
  options.codchi.hostSecrets = {
    caCertificates.enable = request "the certificate authorities that the host trusts beyond the usual ones";
    sshAgent.enable = request "the user's SSH agent (its socket, never the keys)";
    gitCredentials.enable = request "what the user's git knows, to fetch the machine's modules with (it doesn't get into the machine)";
    nixAccessTokens.enable = request "the tokens that the user keeps for servers, to fetch the machine's modules with (they don't get into the machine)";
  };
}
