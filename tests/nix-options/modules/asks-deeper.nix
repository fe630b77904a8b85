{ lib, ... }:
{
  codchi.secrets = lib.mkMerge [
    { deeper.description = "d"; }
    { env.ALIAS = { name = "renamed"; description = "d"; }; }
  ];
}
