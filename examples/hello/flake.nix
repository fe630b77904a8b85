{
  description = "A code machine with one command, hello";

  outputs =
    { self }:
    {
      nixosModules.hello = ./hello.nix;

      codchi.descriptions.hello = "A command that greets you";
    };
}
