{ inputs, lib, ... }:
{
  answer.deep = lib.toLower inputs.it;
}
