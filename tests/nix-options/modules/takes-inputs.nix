{ inputs, ... }:
{
  imports = [ ./takes-inputs-too.nix ];
  answer.file = inputs.it;
}
