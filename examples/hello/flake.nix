{
  description = "The smallest module: one command";

  outputs =
    { self }:
    {
      nixosModules.hello = ./hello.nix;
    };
}
