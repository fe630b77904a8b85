# Written by Codchi: looks at what a repository offers. The repository is given on the command line.
{
  inputs.repository.url = "path:/config/discovery";

  outputs =
    { self, repository }:
    {
      offer = import ./offer.nix repository;
    };
}
