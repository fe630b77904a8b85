{
  description = "Code machines: isolated, reproducible NixOS development environments from a repository's URL";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      lib = import ./nix/lib.nix;

      # Codchi's options without a driver, for a NixOS that isn't a code machine but uses a module that was made for one.
      nixosModules.default = ./nix/options;

      packages = forEachSystem (
        pkgs:
        let
          packages = import ./nix/packages {
            inherit pkgs;
            source = self;
            nixpkgsSource = nixpkgs;
          };
        in
        packages // { default = packages.codchi; }
      );

      # Installs or upgrades the controller on this host.
      apps = forEachSystem (
        pkgs:
        let
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) codchi controller-image;
          install = pkgs.writeShellScript "ctrl-install" ''
            export CODCHI_IMAGE_DIR=${controller-image}
            exec ${codchi}/bin/codchi doctor --fix controller "$@"
          '';
        in
        {
          ctrl-install = {
            type = "app";
            program = "${install}";
            meta.description = "Install or upgrade Codchi's controller on this host";
          };
        }
      );

      devShells = forEachSystem (pkgs: {
        default = import ./nix/packages/dev-shell.nix { inherit pkgs; };
      });
    };
}
