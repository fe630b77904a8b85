{
  description = "A web page served by a systemd unit";

  outputs =
    { self }:
    {
      nixosModules.web = ./web.nix;

      codchi.descriptions.web = "Serves a page on port 8080; asks for the visitor's name";
    };
}
