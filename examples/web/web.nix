{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.greeter;
  root = "/run/greeter";
in
{
  options.services.greeter.port = lib.mkOption {
    type = lib.types.port;
    default = 8080;
    description = "The port that the page is served on.";
  };

  config = {
    # Asked for when the machine is made. `optional`: the machine also starts without an answer.
    codchi.secrets.visitor = {
      description = "Your name, for the greeting on the page.";
      kind = "file";
      optional = true;
      pattern = "[^<>&]{1,60}";
    };

    # The service starts when the host has delivered, and finds the secret in its directory of credentials.
    codchi.services.greeter.secrets = [ "visitor" ];

    systemd.services.greeter = {
      description = "A page that greets";
      wantedBy = [ "multi-user.target" ];
      path = [ pkgs.coreutils ];
      preStart = ''
        visitor=world
        if [ -r "$CREDENTIALS_DIRECTORY/visitor" ]; then
          visitor=$(cat "$CREDENTIALS_DIRECTORY/visitor")
        fi
        printf '<!doctype html>\n<title>Hello</title>\n<h1>Hello, %s!</h1>\n' "$visitor" >${root}/index.html
      '';
      serviceConfig = {
        ExecStart = "${pkgs.busybox}/bin/busybox httpd -f -p ${toString cfg.port} -h ${root}";
        User = "codchi";
        RuntimeDirectory = "greeter";
        Restart = "on-failure";
      };
    };

    networking.firewall.allowedTCPPorts = [ cfg.port ];

    # What `codchi exec web -- curl …` needs.
    environment.systemPackages = [ pkgs.curl ];
  };
}
