# A script for the first start: cloning a repository, preparing a data base.
{ config, lib, ... }:
let
  inherit (config.codchi.welcome) extraText;
in
{
  # As modules that were written for other versions of Codchi have it.
  options.codchi.welcome.extraText = lib.mkOption {
    type = lib.types.lines;
    default = "";
    visible = false;
    description = "A text that the script for the first start prints.";
  };

  config = lib.mkIf (extraText != "") {
    warnings = [ "codchi.welcome.extraText is deprecated: print the text in codchi.initScript" ];
    codchi.initScript = lib.mkBefore "printf '%s\\n' ${lib.escapeShellArg extraText}";
  };

  options.codchi.initScript = lib.mkOption {
    type = lib.types.lines;
    default = "";
    example = ''
      git clone https://git.example.org/project.git
    '';
    description = ''
      A bash script that runs once, as the user `codchi` in its home directory and with the environment of a login
      shell, its secrets included, after the machine's first start. It runs beside the machine and doesn't hold up its start. If it fails, the
      unit `codchi-init.service` is failed, its output is in the journal, and it runs again at the next start; once it
      succeeded it doesn't run again, also when it changes.
    '';
  };
}
