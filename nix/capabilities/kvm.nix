# `kvm`: the device comes with the container, for everybody in it. Programs that look at the group find it too.
{ config, lib, ... }:
lib.mkIf (config.codchi.hasCapability "kvm") {
  users.groups.kvm = { };
  users.users.${config.codchi.driver.user}.extraGroups = [ "kvm" ];
}
