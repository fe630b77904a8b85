# The NixOS side of the LXD and Incus driver: an unprivileged, nested container whose mounts the engine has made before
# systemd starts.
{ config, lib, ... }:
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
      dhcpV4Config.UseDomains = true;
    };
    services.resolved.enable = true;

    # /sys is writable in the container, so networkd waits until udev has seen the link. NixOS leaves udev out of
    # containers.
    services.udev.enable = true;
  };
}
