# What shells see: variables, programs, and the files that set them.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.environment;

  lines = mkOption {
    type = types.lines;
    default = "";
  };

  variables = mkOption {
    type = types.attrsOf (
      types.oneOf [
        types.int
        types.str
        types.path
        (types.listOf types.str)
      ]
    );
    default = { };
    apply = lib.mapAttrs (
      _: value: if builtins.isList value then lib.concatStringsSep ":" value else toString value
    );
  };

  # As in NixOS the values are in double quotes: `$HOME` in a value is expanded.
  exports = lib.concatStrings (
    lib.mapAttrsToList (name: value: ''
      export ${name}="${value}"
    '') cfg.variables
  );

  path = lib.concatStringsSep ":" [
    "/run/wrappers/bin"
    "$HOME/.nix-profile/bin"
    "/nix/var/nix/profiles/default/bin"
    "/run/current-system/sw/bin"
  ];

  aliases = lib.concatStrings (
    lib.mapAttrsToList (name: value: ''
      alias -- ${name}=${lib.escapeShellArg value}
    '') cfg.shellAliases
  );
in
{
  options.environment = {
    inherit variables;
    sessionVariables = variables;

    systemPackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
    };

    pathsToLink = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };

    shellAliases = mkOption {
      type = types.attrsOf types.str;
      default = { };
    };

    extraSetup = lines;
    extraInit = lines;
    shellInit = lines;
    loginShellInit = lines;
    interactiveShellInit = lines;
  };

  config = {
    environment.variables = cfg.sessionVariables;
    environment.pathsToLink = [
      "/bin"
      "/share"
    ];

    environment.etc = {
      "set-environment".text = ''
        # Not again in child shells.
        export __NIXOS_SET_ENVIRONMENT_DONE=1
        export PATH="${path}"
        ${exports}
        ${cfg.extraInit}
      '';

      profile.text = ''
        if [ -n "''${__ETC_PROFILE_SOURCED:-}" ]; then return; fi
        __ETC_PROFILE_SOURCED=1
        if [ -z "''${__NIXOS_SET_ENVIRONMENT_DONE:-}" ]; then . /etc/set-environment; fi
        ${cfg.shellInit}
        ${cfg.loginShellInit}
        for script in /etc/profile.d/*.sh; do
          if [ -r "$script" ]; then . "$script"; fi
        done
        unset script
        if [ -n "''${BASH_VERSION:-}" ]; then . /etc/bashrc; fi
      '';

      bashrc.text = ''
        if [ -n "''${__ETC_BASHRC_SOURCED:-}" ]; then return; fi
        __ETC_BASHRC_SOURCED=1
        if [ -z "''${__ETC_PROFILE_SOURCED:-}" ]; then
          if [ -z "''${__NIXOS_SET_ENVIRONMENT_DONE:-}" ]; then . /etc/set-environment; fi
          ${cfg.shellInit}
        fi
        if [ -n "''${PS1:-}" ]; then
          PS1='\n[\u@\h:\w]\$ '
          ${aliases}
          ${cfg.interactiveShellInit}
        fi
      '';

      # What pam_env reads: the variables are set by the shells.
      environment.text = "";
      "default/locale".text = "LANG=C.UTF-8\n";

      # The file that Debian's bash reads where NixOS' reads /etc/bashrc.
      "bash.bashrc".text = ". /etc/bashrc\n";
    };

    system.path = pkgs.buildEnv {
      name = "system-path";
      paths = cfg.systemPackages ++ [ pkgs.debianPrograms ];
      inherit (cfg) pathsToLink;
      postBuild = cfg.extraSetup;
    };
  };
}
