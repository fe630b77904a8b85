# The NixOS side of the LXD and Incus driver: an unprivileged, nested container whose mounts the engine has made before
# systemd starts.
{
  config,
  lib,
  pkgs,
  ...
}:
{
  config = lib.mkIf (config.codchi.driver.name == "lxd") {
    # The engine's bridge serves DHCP on a veth named eth0.
    networking = {
      useDHCP = false;
      useNetworkd = true;
      useHostResolvConf = false;
    };
    systemd.network.enable = true;
    systemd.network.networks."80-codchi-lxd" = {
      matchConfig.Name = "eth* en*";
      networkConfig = {
        DHCP = "yes";
        LinkLocalAddressing = "ipv6";
      };
      dhcpV4Config = {
        UseDomains = true;
        # The machine's name is the one that its container was given.
        UseHostname = false;
      };
    };
    services.resolved.enable = true;

    # /sys is writable in the container, and so networkd waits until udev has seen the link. NixOS has no udev in containers,
    # and where it has one nothing triggers it; of all the devices of the host only the container's links are its own.
    services.udev.enable = lib.mkForce true;
    systemd.services.codchi-network-devices = {
      description = "Announcement of the container's links to udev";
      unitConfig.DefaultDependencies = false;
      wantedBy = [ "sysinit.target" ];
      after = [ "systemd-udevd.service" ];
      wants = [ "systemd-udevd.service" ];
      before = [ "sysinit.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${pkgs.systemd}/bin/udevadm trigger --action=add --subsystem-match=net";
      };
    };
  };
}
