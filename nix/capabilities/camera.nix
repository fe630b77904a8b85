# `camera`: the devices come with the container, for everybody in it. Programs that look at the group find it too.
{ config, lib, ... }:
lib.mkIf (config.codchi.hasCapability "camera") {
  users.groups.video = { };
  users.users.${config.codchi.driver.user}.extraGroups = [ "video" ];
}
