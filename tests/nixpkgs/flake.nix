{
  description = "A stand-in for nixpkgs without the internet: its packages are one tree of Debian's";

  outputs =
    _:
    let
      system = "x86_64-linux";
      fixture = import ./. { inherit system; };
    in
    {
      inherit (fixture) lib;
      legacyPackages.${system} = fixture.pkgs;
    };
}
