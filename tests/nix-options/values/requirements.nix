# What modules ask for.
world:
let
  inherit (world)
    codchi
    entries
    flakeOf
    lib
    machine
    machineOf
    requirementsOf
    ;

  # A flake whose files are those of ../modules.
  directoryFlake = outputs: outputs // { outPath = toString ../modules; };

  # What the modules `nixosModules.m` of these flakes ask for.
  askedIn =
    flakes:
    (codchi.requirements (
      machineOf "lxd" (
        map (input: {
          inherit input;
          attr = [
            "nixosModules"
            "m"
          ];
        }) flakes
      )
    )).secrets;
in
{
  "nothing is asked for without modules" = {
    expr = requirementsOf [ ];
    expected = {
      secrets = { };
      hostSecrets = {
        caCertificates = false;
        gitCredentials = false;
        nixAccessTokens = false;
        sshAgent = false;
      };
      capabilities = [ ];
      optionalCapabilities = [ ];
      initScript = false;
    };
  };

  "a secret is a variable by default" = {
    expr = (requirementsOf [ { codchi.secrets.api-token.description = "d"; } ]).secrets;
    expected.api-token = {
      description = "d";
      kind = "env";
      env = "API_TOKEN";
      path = null;
      owner = "codchi";
      group = "users";
      mode = "0400";
      optional = false;
      pattern = null;
      module = 0;
    };
  };

  "a secret can be a file" = {
    expr =
      (requirementsOf [
        {
          codchi.secrets."kube.config" = {
            description = "d";
            kind = "file";
            owner = "root";
            group = "wheel";
            mode = "0440";
            optional = true;
            pattern = "apiVersion: .*";
          };
        }
      ]).secrets;
    expected."kube.config" = {
      description = "d";
      kind = "file";
      env = null;
      path = "/run/codchi/secrets/kube.config";
      owner = "root";
      group = "wheel";
      mode = "0440";
      optional = true;
      pattern = "apiVersion: .*";
      module = 0;
    };
  };

  "two modules can describe one secret" = {
    expr =
      (requirementsOf [
        { codchi.secrets.s.description = "d"; }
        { codchi.secrets.s.optional = true; }
      ]).secrets.s.optional;
    expected = true;
  };

  "what two modules say of one secret is merged, in their order" = {
    expr =
      let
        inherit
          (requirementsOf [
            {
              codchi.secrets.s = {
                description = "one";
                optional = true;
              };
            }
            {
              codchi.secrets.s = {
                description = "two";
                pattern = "x+";
              };
            }
            { codchi.secrets.s.optional = lib.mkForce false; }
          ])
          secrets
          ;
      in
      {
        inherit (secrets.s)
          description
          module
          optional
          pattern
          ;
      };
    expected = {
      description = "one\ntwo";
      module = 0;
      optional = false;
      pattern = "x+";
    };
  };

  "the module that asks is named by its index" = {
    expr = lib.mapAttrs (_: secret: secret.module) (requirementsOf [
      { codchi.initScript = ""; }
      (
        { lib, ... }:
        {
          codchi = lib.mkMerge [
            { secrets.a.description = "d"; }
            (lib.mkIf true { secrets.b.description = "d"; })
            (lib.mkIf false { secrets.never.description = "d"; })
          ];
        }
      )
      {
        codchi.secrets.env.c.description = "d";
        codchi.secrets.b.optional = true;
      }
    ]).secrets;
    expected = {
      a = 1;
      b = 1;
      c = 2;
    };
  };

  "a file below a module's flake belongs to the module" = {
    expr = lib.mapAttrs (_: secret: secret.module) (askedIn [
      (flakeOf "other" { nixosModules.m.codchi.secrets.own.description = "d"; })
      (directoryFlake { nixosModules.m.imports = [ ../modules/asks.nix ]; })
    ]);
    expected = {
      conditional = 1;
      deeper = 1;
      imported = 1;
      own = 0;
      renamed = 1;
    };
  };

  "a flake in a directory of its repository" = {
    expr = lib.mapAttrs (_: secret: secret.module) (askedIn [
      {
        outPath = "${toString ../modules}/below";
        sourceInfo.outPath = toString ../modules;
        nixosModules.m.imports = [ ../modules/asks-deeper.nix ];
      }
    ]);
    expected = {
      deeper = 0;
      renamed = 0;
    };
  };

  "modules of one flake that import files are told apart" = {
    expr =
      let
        flake =
          imports:
          directoryFlake {
            nixosModules.m = { inherit imports; };
          };
      in
      map (modules: lib.mapAttrs (_: secret: secret.module) (askedIn modules)) [
        [
          (flake [ ../modules/plain.nix ])
          (flake [ ../modules/asks-deeper.nix ])
          (flake [ ../modules/asks.nix ])
        ]
        [
          (flake [ ../modules/asks.nix ])
          (flake [ ../modules/asks-deeper.nix ])
        ]
      ];
    expected = [
      {
        conditional = 2;
        deeper = 1;
        imported = 2;
        renamed = 1;
      }
      {
        conditional = 0;
        deeper = 0;
        imported = 0;
        renamed = 0;
      }
    ];
  };

  "a condition on another module's options counts as in the machine" = {
    expr = lib.mapAttrs (_: secret: secret.module) (requirementsOf [
      { codchi.requiredCapabilities = [ "fuse" ]; }
      (
        { config, lib, pkgs, ... }:
        {
          codchi.secrets.mounted = lib.mkIf (config.codchi.requiredCapabilities == [ "fuse" ]) {
            description = pkgs.system or "d";
          };
        }
      )
    ]).secrets;
    expected.mounted = 1;
  };

  "a variable whose secret begins with a digit" = {
    expr = (requirementsOf [ { codchi.secrets."2fa".description = "d"; } ]).secrets."2fa".env;
    expected = "_2FA";
  };

  "codchi.secrets.env.NAME is the variable CODCHI_NAME" = {
    expr =
      let
        inherit
          (requirementsOf [
            {
              codchi.secrets.env.GITLAB_TOKEN.description = "d";
              codchi.secrets.env.other = {
                name = "a-b";
                description = "e";
              };
            }
          ])
          secrets
          ;
      in
      lib.mapAttrs (_: secret: { inherit (secret) description env kind; }) secrets;
    expected = {
      GITLAB_TOKEN = {
        description = "d";
        env = "CODCHI_GITLAB_TOKEN";
        kind = "env";
      };
      a-b = {
        description = "e";
        env = "CODCHI_a_b";
        kind = "env";
      };
    };
  };

  "both forms of secrets side by side" = {
    expr = builtins.attrNames (requirementsOf [
      { codchi.secrets.env.A.description = "d"; }
      { codchi.secrets.b.description = "d"; }
    ]).secrets;
    expected = [
      "A"
      "b"
    ];
  };

  "host secrets are asked for one by one" = {
    expr =
      (requirementsOf [
        { codchi.hostSecrets.sshAgent.enable = true; }
        { codchi.hostSecrets.caCertificates.enable = true; }
      ]).hostSecrets;
    expected = {
      caCertificates = true;
      gitCredentials = false;
      nixAccessTokens = false;
      sshAgent = true;
    };
  };

  "capabilities of all modules, each once, the required ones not also optional" = {
    expr =
      let
        requirements = requirementsOf [
          {
            codchi.requiredCapabilities = [
              "gpu"
              "kvm"
            ];
            codchi.optionalCapabilities = [ "sound" ];
          }
          {
            codchi.requiredCapabilities = [ "gpu" ];
            codchi.optionalCapabilities = [
              "kvm"
              "sound"
            ];
          }
        ];
      in
      {
        required = lib.sort (a: b: a < b) requirements.capabilities;
        optional = requirements.optionalCapabilities;
      };
    expected = {
      required = [
        "gpu"
        "kvm"
      ];
      optional = [ "sound" ];
    };
  };

  "every capability is known" = {
    expr =
      builtins.length
        (requirementsOf [
          {
            codchi.requiredCapabilities = [
              "gpu"
              "cuda"
              "usb"
              "ssh-agent"
              "sound"
              "video"
              "camera"
              "kvm"
              "fuse"
              "docker-nesting"
              "tun"
            ];
          }
        ]).capabilities;
    expected = 11;
  };

  "what a capability does in the machine, required or not" = {
    expr =
      let
        given =
          driver: codchi:
          let
            machine = (machineOf driver (entries [ codchi ])).config;
          in
          {
            agent = lib.hasInfix "/.codchi/ssh-agent" machine.environment.extraInit;
            display = builtins.any (lib.hasInfix "X11-unix") machine.systemd.tmpfiles.rules;
            kvm = machine.users.groups ? kvm;
          };
      in
      [
        (given "lxd" {
          codchi.requiredCapabilities = [ "video" ];
          codchi.optionalCapabilities = [ "ssh-agent" ];
        })
        (given "lxd" { codchi.requiredCapabilities = [ "kvm" ]; })
        (given "lxd" { codchi.hostSecrets.sshAgent.enable = true; })
        (given "none" {
          codchi.requiredCapabilities = [
            "kvm"
            "video"
          ];
        })
      ];
    expected = [
      {
        agent = true;
        display = true;
        kvm = false;
      }
      {
        agent = false;
        display = false;
        kvm = true;
      }
      {
        agent = true;
        display = false;
        kvm = false;
      }
      {
        agent = false;
        display = false;
        kvm = false;
      }
    ];
  };

  "requirements are plain data" = {
    expr = builtins.fromJSON (
      builtins.toJSON (requirementsOf [ { codchi.secrets.s.description = "d"; } ])
    );
    expected = requirementsOf [ { codchi.secrets.s.description = "d"; } ];
  };
}
