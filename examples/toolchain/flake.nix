{
  description = "A project's tools and its checkout";

  outputs =
    { self }:
    {
      nixosModules = {
        toolchain = ./toolchain.nix;

        project = {
          imports = [
            ./toolchain.nix
            ./project.nix
          ];
        };
      };

      codchi.descriptions = {
        toolchain = "git, make and jq";
        project = "The toolchain and a checkout in ~/project";
      };
    };
}
