# `sound`: the sound server of the host, whichever protocols it speaks.
{ config, lib, ... }:
let
  inherit (config.codchi.driver) socketDir;
in
lib.mkIf (config.codchi.hasCapability "sound") {
  # Shared memory of the host isn't the machine's, and the engine doesn't keep descriptors at the message that they came with.
  environment.etc."codchi/pulse.conf".text = ''
    enable-shm = no
  '';
  environment.extraInit = ''
    if [ -S ${socketDir}/pulse ]; then
      export PULSE_SERVER=unix:${socketDir}/pulse PULSE_CLIENTCONFIG=/etc/codchi/pulse.conf
    fi
    if [ -S ${socketDir}/pipewire ]; then
      export PIPEWIRE_REMOTE=${socketDir}/pipewire
    fi
  '';
}
