# What a machine is made of: its users, its services, and its script for the first start.
world:
let
  inherit (world)
    codchi
    configOf
    entries
    flakeOf
    lib
    machine
    machineOf
    requirementsOf
    unit
    ;
in
{
  "the user" = {
    expr = {
      inherit ((configOf [ ]).users.users.codchi) isNormalUser uid extraGroups;
      sudo = (configOf [ ]).security.sudo.wheelNeedsPassword;
    };
    expected = {
      isNormalUser = true;
      uid = 1000;
      extraGroups = [ "wheel" ];
      sudo = false;
    };
  };

  "a module can make sudo ask for a password" = {
    expr = (configOf [ { security.sudo.wheelNeedsPassword = true; } ]).security.sudo.wheelNeedsPassword;
    expected = true;
  };

  "the store belongs to the controller" = {
    expr =
      let
        config = configOf [ ];
      in
      {
        service = config.systemd.services.nix-daemon.enable;
        socket = config.systemd.sockets.nix-daemon.enable;
        shells = config.environment.variables.NIX_REMOTE;
        users = config.environment.etc."environment.d/50-codchi.conf".text;
        inherit (config.nix.settings) experimental-features;
      };
    expected = {
      service = false;
      socket = false;
      shells = "daemon";
      users = "NIX_REMOTE=daemon\n";
      experimental-features = [
        "nix-command"
        "flakes"
      ];
    };
  };

  "the container's network" = {
    expr =
      let
        config = configOf [ ];
      in
      {
        inherit (config.networking) hostName useDHCP useNetworkd;
        udev = config.services.udev.enable;
        dhcp = config.systemd.network.networks."80-codchi-lxd".networkConfig.DHCP;
      };
    expected = {
      hostName = "";
      useDHCP = false;
      useNetworkd = true;
      udev = true;
      dhcp = "yes";
    };
  };

  "without a driver the options are there and nothing is set" = {
    expr =
      let
        none = machineOf "none" (
          entries [
            {
              codchi.secrets.s.description = "d";
              codchi.initScript = "true";
            }
          ]
        );
      in
      {
        container = none.config.boot.isContainer;
        user = none.config.users.users ? codchi;
        units = none.config.systemd.services ? codchi-init;
        secrets = builtins.attrNames (codchi.requirements none).secrets;
      };
    expected = {
      container = false;
      user = false;
      units = false;
      secrets = [ "s" ];
    };
  };

  "equal modules are one system" = {
    expr =
      let
        drv = modules: (machine modules).config.system.build.toplevel.drvPath;
        a = {
          environment.variables.A = "1";
        };
      in
      [
        (drv [ a ] == drv [ a ])
        (drv [ a ] == drv [ ])
      ];
    expected = [
      true
      false
    ];
  };

  "modules keep the user's order" = {
    expr =
      (configOf [
        { environment.extraInit = "one"; }
        { environment.extraInit = "two"; }
        { environment.extraInit = "three"; }
      ]).environment.extraInit;
    expected = "one\ntwo\nthree";
  };

  "two modules of one flake" = {
    expr =
      let
        input = flakeOf "both" {
          nixosModules.a.environment.variables.A = "1";
          codchiModules."b c".environment.variables.B = "2";
        };
        inherit
          (machineOf "lxd" [
            {
              inherit input;
              attr = [
                "nixosModules"
                "a"
              ];
            }
            {
              inherit input;
              attr = [
                "codchiModules"
                "b c"
              ];
            }
          ])
          config
          ;
      in
      {
        inherit (config.environment.variables) A B;
      };
    expected = {
      A = "1";
      B = "2";
    };
  };

  "secrets with a path of their own are linked" = {
    expr = builtins.filter (rule: lib.hasInfix "/etc/key" rule || lib.hasInfix "/home/" rule) (configOf [
      {
        codchi.secrets.key = {
          description = "d";
          kind = "file";
          path = "/etc/key";
        };
        codchi.secrets.kube = {
          description = "d";
          kind = "file";
          path = "/home/codchi/.kube/team/config";
        };
        codchi.secrets.other = {
          description = "d";
          kind = "file";
        };
      }
    ]).systemd.tmpfiles.rules;
    expected = [
      "L /etc/key - - - - /run/codchi/secrets/key"
      "d /home/codchi/.kube 0755 codchi users -"
      "d /home/codchi/.kube/team 0755 codchi users -"
      "L /home/codchi/.kube/team/config - - - - /run/codchi/secrets/kube"
    ];
  };

  "a service that uses secrets gets them, and waits for them" = {
    expr =
      let
        backup = unit (configOf [
          {
            codchi.secrets = {
              key = {
                description = "d";
                kind = "file";
              };
              maybe = {
                description = "d";
                kind = "file";
                optional = true;
              };
              token.description = "d";
              unused.description = "d";
            };
            codchi.services.backup.secrets = [
              "key"
              "maybe"
              "token"
              "key"
            ];
            systemd.services.backup.serviceConfig.EnvironmentFile = "/etc/backup";
          }
        ]) "backup";
      in
      {
        inherit (backup) after requires;
        inherit (backup.serviceConfig) EnvironmentFile LoadCredential;
      };
    expected = {
      after = [ "codchi-secrets.service" ];
      requires = [ "codchi-secrets.service" ];
      EnvironmentFile = [
        "/etc/backup"
        "-/run/codchi/variables/TOKEN.env"
      ];
      LoadCredential = [
        "key:/run/codchi/secrets/key"
        "maybe:codchi.maybe"
        "token:/run/codchi/variables/TOKEN"
      ];
    };
  };

  "a service of the user too" = {
    expr =
      let
        sync =
          (configOf [
            {
              codchi.secrets.token.description = "d";
              codchi.userServices.sync.secrets = [ "token" ];
            }
          ]).systemd.user.services.sync;
      in
      {
        inherit (sync) after requires;
        inherit (sync.serviceConfig) EnvironmentFile;
      };
    expected = {
      after = [ "codchi-secrets.service" ];
      requires = [ "codchi-secrets.service" ];
      EnvironmentFile = [ "-/run/codchi/variables/TOKEN.env" ];
    };
  };

  "only what asks for secrets waits for them" = {
    expr =
      let
        asks = {
          codchi.secrets.a.description = "d";
          codchi.services.one.secrets = [ "a" ];
          codchi.services.two.secrets = [ "a" ];
          systemd.services.one.wantedBy = [ "multi-user.target" ];
          systemd.services.bystander.wantedBy = [ "multi-user.target" ];
        };
        config = configOf [ asks ];
        wait = unit config "codchi-secrets";
      in
      {
        inherit (wait) wantedBy wants;
        inherit (unit config "bystander") after requires;
        user = config.systemd.user.services.codchi-secrets.wantedBy;
        late = config.systemd.paths.codchi-secrets.pathConfig.PathExists;
        without = (configOf [ ]).systemd.services ? codchi-secrets;
        certificates =
          (configOf [ { codchi.hostSecrets.caCertificates.enable = true; } ]).systemd.services
          ? codchi-secrets;
        agent =
          (configOf [ { codchi.hostSecrets.sshAgent.enable = true; } ]).systemd.services ? codchi-secrets;
      };
    expected = {
      wantedBy = [ ];
      wants = [ "one.service" ];
      after = [ ];
      requires = [ ];
      user = [ ];
      late = "/run/codchi/delivered";
      without = false;
      certificates = true;
      agent = false;
    };
  };

  "shells know the host's certificates only where a module asks" = {
    expr =
      let
        knows = config: map (lib.hasInfix "NODE_EXTRA_CA_CERTS=/run/codchi/certificates.pem") [
          config.environment.loginShellInit
          config.environment.interactiveShellInit
          config.environment.etc."codchi-env".text
        ];
      in
      [
        (knows (configOf [ ]))
        (knows (configOf [ { codchi.hostSecrets.caCertificates.enable = true; } ]))
      ];
    expected = [
      [
        false
        false
        false
      ]
      [
        true
        true
        true
      ]
    ];
  };

  "a module written for other versions of Codchi" = {
    expr =
      let
        made = machine [ ../modules/other-codchi.nix ];
        init = unit made.config "codchi-init";
      in
      {
        inherit ((codchi.requirements made).secrets.EXAMPLE) env kind optional;
        inherit (init) after requires;
        waits = lib.hasInfix "wait-delivered" made.config.environment.etc."codchi-env".text;
        script = made.config.codchi.initScript;
        inherit (made.config.system.build.toplevel) type;
      };
    expected = {
      env = "CODCHI_EXAMPLE";
      kind = "env";
      optional = false;
      after = [
        "network-online.target"
        "codchi-secrets.service"
      ];
      requires = [ "codchi-secrets.service" ];
      waits = true;
      script = "printf '%s\\n' 'It'\\''s a machine\n'\necho \"the token is $CODCHI_EXAMPLE\"\n";
      type = "derivation";
    };
  };


  "no script, no unit" = {
    expr = (configOf [ ]).systemd.services ? codchi-init;
    expected = false;
  };

  "a script is a oneshot unit that runs once as the user" = {
    expr =
      let
        config = configOf [ { codchi.initScript = "echo hello"; } ];
        init = unit config "codchi-init";
      in
      {
        inherit (requirementsOf [ { codchi.initScript = "echo hello"; } ]) initScript;
        inherit (init.serviceConfig) Type User;
        inherit (init.unitConfig) ConditionPathExists;
        holdsUpTheStart = init.wantedBy != [ ];
        starter = (unit config "codchi-init-start").wantedBy;
      };
    expected = {
      initScript = true;
      Type = "oneshot";
      User = "codchi";
      ConditionPathExists = "!/var/lib/codchi/init-done";
      holdsUpTheStart = false;
      starter = [ "multi-user.target" ];
    };
  };

  "scripts of several modules follow each other" = {
    expr =
      (configOf [
        { codchi.initScript = "one"; }
        { codchi.initScript = lib.mkBefore "zero"; }
      ]).codchi.initScript;
    expected = "zero\none";
  };
}
