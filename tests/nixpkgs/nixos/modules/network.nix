# The network: names, networkd, resolved, udev.
{
  config,
  lib,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.networking;
  networkd = config.systemd.network;

  boolean =
    default:
    mkOption {
      type = types.bool;
      inherit default;
    };

  ports = mkOption {
    type = types.listOf types.port;
    default = [ ];
  };

  # systemd.network.networks.<name>: NixOS' name of each section -> the section.
  sections = {
    matchConfig = "Match";
    linkConfig = "Link";
    networkConfig = "Network";
    dhcpV4Config = "DHCPv4";
    dhcpV6Config = "DHCPv6";
    ipv6AcceptRAConfig = "IPv6AcceptRA";
  };

  showNetwork =
    network:
    lib.concatStrings (
      lib.mapAttrsToList (option: name: utils.showSection name network.${option}) sections
    );

  wanted = target: unit: {
    "systemd/system/${target}.wants/${unit}".source = "/usr/lib/systemd/system/${unit}";
  };
in
{
  options.networking = {
    hostName = mkOption {
      type = types.strMatching "^$|^[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$";
      default = "nixos";
    };
    useDHCP = boolean true;
    useNetworkd = boolean false;
    useHostResolvConf = boolean false;
    extraHosts = mkOption {
      type = types.lines;
      default = "";
    };
    # Accepted and without effect: the fixture has no firewall.
    firewall = {
      enable = boolean true;
      allowedTCPPorts = ports;
      allowedUDPPorts = ports;
    };
  };

  options.systemd.network = {
    enable = boolean false;
    networks = mkOption {
      type = types.attrsOf (types.submodule { options = lib.mapAttrs (_: _: utils.section) sections; });
      default = { };
    };
  };

  options.services.resolved.enable = boolean false;
  options.services.udev.enable = boolean true;
  options.services.udev.extraRules = lib.mkOption {
    type = lib.types.lines;
    default = "";
  };

  config.assertions = [
    {
      assertion = !(cfg.useHostResolvConf && config.services.resolved.enable);
      message = "Using host resolv.conf is not supported with systemd-resolved";
    }
  ];

  config.environment.etc = lib.mkMerge [
    {
      # With an empty host name the container's own stays.
      hosts.text = ''
        127.0.0.1 localhost
        ::1 localhost
        ${lib.optionalString (cfg.hostName != "") "127.0.0.2 ${cfg.hostName}"}
        ${cfg.extraHosts}
      '';
    }

    (lib.mkIf (cfg.hostName != "") {
      hostname.text = cfg.hostName + "\n";
    })

    (lib.mkIf networkd.enable (
      lib.mkMerge [
        (wanted "multi-user.target" "systemd-networkd.service")
        (wanted "sockets.target" "systemd-networkd.socket")
        (wanted "network-online.target" "systemd-networkd-wait-online.service")
        (lib.mapAttrs' (name: network: {
          name = "systemd/network/${name}.network";
          value.text = showNetwork network;
        }) networkd.networks)
      ]
    ))

    (lib.mkIf config.services.resolved.enable (
      wanted "sysinit.target" "systemd-resolved.service"
      // {
        "resolv.conf".source = "/run/systemd/resolve/stub-resolv.conf";
      }
    ))

    (lib.mkIf (config.services.udev.extraRules != "") {
      "udev/rules.d/99-local.rules".text = config.services.udev.extraRules;
    })
    (lib.mkIf (!config.services.udev.enable) {
      "systemd/system/systemd-udevd.service".source = "/dev/null";
    })
  ];
}
