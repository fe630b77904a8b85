# `cuda`: NVIDIA's tools put the host's driver into the container at each start, where nothing of NixOS looks for libraries.
{ config, lib, ... }:
lib.mkIf (config.codchi.hasCapability "cuda") {
  environment.extraInit = ''
    for codchi_cuda in /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu /usr/lib64; do
      if [ -e "$codchi_cuda/libcuda.so.1" ]; then
        export LD_LIBRARY_PATH="$codchi_cuda''${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
      fi
    done
    unset codchi_cuda
  '';
}
