# A module as it is written for other versions of Codchi.
{
  codchi.initScript = ''
    echo "the token is $CODCHI_EXAMPLE"
  '';

  codchi.welcome.extraText = ''
    It's a machine
  '';

  codchi.secrets.env.EXAMPLE.description = ''
    A value to try it with.
  '';

  systemd.services.reads-it = {
    wantedBy = [ "multi-user.target" ];
    script = ''
      source /etc/codchi-env
      echo "got $CODCHI_EXAMPLE"
    '';
  };
}
