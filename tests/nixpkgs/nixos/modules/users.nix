# Users and groups, made by systemd-sysusers at activation. It never changes or removes what is there: a user of an older
# generation stays.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  cfg = config.users;

  number = mkOption {
    type = types.nullOr types.int;
    default = null;
  };

  string =
    default:
    mkOption {
      type = types.str;
      inherit default;
    };

  user =
    { name, config, ... }:
    {
      options = {
        uid = number;
        description = string "";
        group = string "";
        home = string (if config.isNormalUser then "/home/${name}" else "/var/empty");

        isNormalUser = mkOption {
          type = types.bool;
          default = false;
        };
        isSystemUser = mkOption {
          type = types.bool;
          default = false;
        };
        createHome = mkOption {
          type = types.bool;
          default = config.isNormalUser;
        };
        linger = mkOption {
          type = types.bool;
          default = false;
        };

        shell = mkOption {
          type = types.either types.package types.path;
          default = if config.isNormalUser then "/bin/bash" else "/usr/sbin/nologin";
          apply = shell: if lib.isDerivation shell then lib.getExe shell else shell;
        };
        extraGroups = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        initialPassword = mkOption {
          type = types.nullOr types.str;
          default = null;
        };
      };

      config.group = lib.mkIf config.isNormalUser (lib.mkDefault "users");
    };

  # Normal users without a uid are numbered from 1000, in the order of their names. (sysusers would take system uids.)
  numbered =
    let
      taken = builtins.filter (uid: uid != null) (lib.mapAttrsToList (_: u: u.uid) cfg.users);
      free = uid: if builtins.elem uid taken then free (uid + 1) else uid;
      unnumbered = builtins.attrNames (
        lib.filterAttrs (_: u: u.isNormalUser && u.uid == null) cfg.users
      );
      number =
        { next, uids }:
        name:
        let
          uid = free next;
        in
        {
          next = uid + 1;
          uids = uids // {
            ${name} = uid;
          };
        };
    in
    (builtins.foldl' number {
      next = 1000;
      uids = { };
    } unnumbered).uids;

  showId = id: if id == null then "-" else toString id;

  groupLine = name: group: "g ${name} ${showId group.gid}\n";

  userLines =
    name: u:
    let
      uid = showId (if u.uid != null then u.uid else numbered.${name} or null);
      group = lib.optionalString (u.group != "") ":${u.group}";
    in
    ''
      u ${name} ${uid}${group} ${builtins.toJSON u.description} ${u.home} ${u.shell}
    ''
    + lib.concatMapStrings (extra: "m ${name} ${extra}\n") u.extraGroups;
in
{
  options.users = {
    users = mkOption {
      type = types.attrsOf (types.submodule user);
      default = { };
    };

    groups = mkOption {
      type = types.attrsOf (types.submodule { options.gid = number; });
      default = { };
    };

    # Accepted; users are never removed.
    mutableUsers = mkOption {
      type = types.bool;
      default = true;
    };
  };

  config = {
    users.groups = {
      wheel = { };
      users.gid = 100;
    };

    environment.etc."sysusers.d/00-nixos.conf".text = lib.concatStrings (
      lib.mapAttrsToList groupLine cfg.groups ++ lib.mapAttrsToList userLines cfg.users
    );

    # Read by the activation: what sysusers doesn't do.
    environment.etc."nixos-homes".text = lib.concatStrings (
      lib.mapAttrsToList (name: u: lib.optionalString u.createHome "${name} ${u.home}\n") cfg.users
    );
    environment.etc."nixos-initial-passwords".text = lib.concatStrings (
      lib.mapAttrsToList (
        name: u: lib.optionalString (u.initialPassword != null) "${name}:${u.initialPassword}\n"
      ) cfg.users
    );

    systemd.tmpfiles.rules = lib.mapAttrsToList (
      name: _: "f /var/lib/systemd/linger/${name} 0644 root root -"
    ) (lib.filterAttrs (_: u: u.linger) cfg.users);
  };
}
