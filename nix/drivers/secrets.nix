# What of the delivery a machine's shells and units see.
#
# The host puts secrets into /run/codchi right after each start (`ctrl-serve deliver`), while systemd boots. Nothing waits for it but what
# asks: units in `codchi.services`, and the script for the first start.
{ config, lib, ... }:
let
  inherit (lib) mkIf mkMerge optional;
  inherit (config.codchi)
    allSecrets
    driver
    hostSecrets
    services
    userServices
    ;
  dir = driver.runtimeDir;

  active = driver.name != "none";

  # Whether the host has something to deliver that a unit could wait for.
  awaited = allSecrets != { } || hostSecrets.caCertificates.enable;

  # In every machine's root, whatever its system.
  wait = "/.codchi/ctrl-serve wait-delivered --timeout-ms 90000";

  # --- shells

  # Values there are in double quotes with \ before \ " $ and `: the one form that shells and systemd read alike. Those that systemd
  # doesn't take are in a file of their own.
  sourceVariables = lib.concatMapStrings (file: ''
    if [ -r ${file} ]; then
      set -a
      . ${file}
      set +a
    fi
  '') [
    "${dir}/env"
    "${dir}/env.bytes"
  ];

  # Each program has a variable of its own for this. The bundle has the system's certificates too.
  useCertificates = ''
    if [ -r ${dir}/certificates.pem ]; then
      export NODE_EXTRA_CA_CERTS=${dir}/certificates.pem
      export SSL_CERT_FILE=${dir}/ca-bundle.crt
      export NIX_SSL_CERT_FILE=${dir}/ca-bundle.crt
      export GIT_SSL_CAINFO=${dir}/ca-bundle.crt
      export CURL_CA_BUNDLE=${dir}/ca-bundle.crt
      export REQUESTS_CA_BUNDLE=${dir}/ca-bundle.crt
      if [ -r ${dir}/trust-store.p12 ]; then
        case "''${JAVA_TOOL_OPTIONS-}" in
          *${dir}/trust-store.p12*) ;;
          *)
            JAVA_TOOL_OPTIONS="''${JAVA_TOOL_OPTIONS:+$JAVA_TOOL_OPTIONS }-Djavax.net.ssl.trustStore=${dir}/trust-store.p12 -Djavax.net.ssl.trustStorePassword=changeit"
            export JAVA_TOOL_OPTIONS
            ;;
        esac
      fi
    fi
  '';

  environment =
    sourceVariables + lib.optionalString hostSecrets.caCertificates.enable useCertificates;

  # --- files

  files = builtins.filter (secret: secret.kind == "file" && secret.path != null) (
    lib.mapAttrsToList (name: secret: secret // { delivered = "${dir}/secrets/${name}"; }) allSecrets
  );

  linked = builtins.filter (secret: secret.path != secret.delivered) files;

  # The link to a secret. Its directories below a home belong to the home's user: tmpfiles would make them root's, and then
  # refuse to go through them.
  linkRules =
    secret:
    let
      home = (config.users.users.${secret.owner} or { home = "/var/empty"; }).home;
      parts = lib.splitString "/" (lib.removePrefix "${home}/" secret.path);
      directories = map (
        depth: "${home}/${lib.concatStringsSep "/" (lib.take depth parts)}"
      ) (lib.range 1 (builtins.length parts - 1));
    in
    lib.optionals (lib.hasPrefix "${home}/" secret.path) (
      map (directory: "d ${directory} 0755 ${secret.owner} ${secret.group} -") directories
    )
    ++ [ "L ${secret.path} - - - - ${secret.delivered}" ];

  # --- units

  # The names a unit asks for, each known.
  asked =
    option: unit:
    { secrets, ... }:
    let
      quoted = names: lib.concatMapStringsSep ", " builtins.toJSON names;
      unknown = builtins.filter (name: !(allSecrets ? ${name})) secrets;
      known = if allSecrets == { } then "is empty" else "has ${quoted (builtins.attrNames allSecrets)}";
    in
    if unknown == [ ] then
      secrets
    else
      throw "codchi.${option}.${unit}.secrets: there is no secret ${quoted unknown}; codchi.secrets ${known}";

  asking = lib.filterAttrs (_: unit: unit.secrets != [ ]);

  isEnv = name: allSecrets.${name}.kind == "env";
  delivered =
    name:
    if isEnv name then "${dir}/variables/${allSecrets.${name}.env}" else "${dir}/secrets/${name}";

  # A file that isn't there is an error for LoadCredential=, unless it is searched in systemd's store of credentials. So an optional
  # secret has a link there, which leads nowhere while the secret isn't set.
  stored = name: "codchi.${name}";
  storeRules = map (name: "L+ /run/credstore/${stored name} - - - - ${delivered name}") (
    builtins.filter (name: allSecrets.${name}.optional) (builtins.attrNames allSecrets)
  );

  # The leading "-": a value that isn't UTF-8, or isn't set, has no such file.
  environmentFiles = names: map (name: "-${delivered name}.env") (builtins.filter isEnv names);

  afterDelivery = {
    requires = [ "codchi-secrets.service" ];
    after = [ "codchi-secrets.service" ];
  };

  service =
    name: unit:
    let
      names = asked "services" name unit;
    in
    afterDelivery
    // {
      serviceConfig = {
        EnvironmentFile = environmentFiles names;
        LoadCredential = map (
          secret: "${secret}:${if allSecrets.${secret}.optional then stored secret else delivered secret}"
        ) names;
      };
    };

  userService =
    name: unit:
    afterDelivery
    // {
      serviceConfig.EnvironmentFile = environmentFiles (asked "userServices" name unit);
    };

  waiting = {
    description = "Delivery of secrets by the host";
    # Once delivered, a change is delivered without it.
    restartIfChanged = false;
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = wait;
      # It ends by itself before, and says why.
      TimeoutStartSec = 100;
    };
  };

  # Those that the machine starts by itself.
  startedAtBoot = builtins.filter (
    name:
    builtins.any (target: builtins.elem target config.systemd.services.${name}.wantedBy) [
      "default.target"
      "multi-user.target"
    ]
  ) (builtins.attrNames (asking services));
in
{
  config = mkIf active (mkMerge [
    {
      systemd.tmpfiles.rules =
        [ "d ${dir} 0755 root root -" ] ++ lib.concatMap linkRules linked ++ storeRules;

      environment.loginShellInit = environment + ''
        export __CODCHI_ENVIRONMENT_DONE=1
      '';
      # A shell that no login is above, such as a terminal inside an editor's server. Below a login what it was given stays.
      environment.interactiveShellInit = ''
        if [ -z "''${__CODCHI_ENVIRONMENT_DONE:-}" ]; then
          ${environment}
          export __CODCHI_ENVIRONMENT_DONE=1
        fi
      '';

      # For modules that were written for other versions of Codchi: scripts of units source this, whenever they start.
      environment.etc."codchi-env".text = lib.optionalString awaited "${wait} || return\n" + environment;

      systemd.services = lib.mapAttrs service (asking services);
      systemd.user.services = lib.mapAttrs userService (asking userServices);
    }

    (mkIf awaited {
      systemd.services.codchi-secrets = waiting // {
        # Where the delivery came too late for them.
        wants = map (name: "${name}.service") startedAtBoot;
      };
      systemd.user.services.codchi-secrets = waiting;

      # A machine that something else than Codchi started, long before Codchi delivers.
      systemd.paths.codchi-secrets = {
        description = "Late delivery of secrets by the host";
        wantedBy = [ "paths.target" ];
        pathConfig.PathExists = "${dir}/delivered";
      };

      systemd.services.codchi-init = mkIf (config.codchi.initScript != "" && allSecrets != { }) afterDelivery;
    })
  ]);
}
