# A script for the first start: cloning a repository, preparing a data base.
{ lib, ... }:
{
  options.codchi.initScript = lib.mkOption {
    type = lib.types.lines;
    default = "";
    example = ''
      git clone https://git.example.org/project.git
    '';
    description = ''
      A bash script that runs once, as the user `codchi` in its home directory and with the environment of a login
      shell, after the machine's first start. It runs beside the machine and doesn't hold up its start. If it fails, the
      unit `codchi-init.service` is failed, its output is in the journal, and it runs again at the next start; once it
      succeeded it doesn't run again, also when it changes.
    '';
  };
}
