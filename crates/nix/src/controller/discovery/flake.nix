# Written by Codchi: looks at what a repository offers. The repository is given on the command line.
{
  inputs.repository.url = "path:/config/discovery";

  outputs = { self, repository }: import ./offer.nix repository;
}
