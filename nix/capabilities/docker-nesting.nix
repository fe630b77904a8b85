# `docker-nesting`: whoever switches Docker on means the machine's user.
{ config, lib, ... }:
lib.mkIf
  (config.codchi.hasCapability "docker-nesting" && (config.virtualisation.docker.enable or false))
  {
    users.users.${config.codchi.driver.user}.extraGroups = [ "docker" ];
  }
