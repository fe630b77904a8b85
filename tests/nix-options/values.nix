# NAME = { expr; expected; }
args:
let
  world = import ./machine.nix args;
  inherit (world)
    codchi
    configOf
    entries
    exampleFlake
    flakeOf
    lib
    machine
    machineOf
    nixpkgs
    requirementsOf
    ;

  # Sets `answer` to what a module is given, whichever way.
  answer =
    { lib, ... }:
    {
      options.answer = lib.mkOption {
        type = lib.types.attrsOf lib.types.str;
        default = { };
      };
    };

  unit = config: name: config.systemd.services.${name};

  # A flake whose files are those of ./modules.
  directoryFlake = outputs: outputs // { outPath = toString ./modules; };

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

  example =
    name: modules:
    machineOf "lxd" (
      map (module: {
        input = exampleFlake name;
        attr = [
          "nixosModules"
          module
        ];
      }) modules
    );
in
{
  # --- requirements

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
      (directoryFlake { nixosModules.m.imports = [ ./modules/asks.nix ]; })
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
        outPath = "${toString ./modules}/below";
        sourceInfo.outPath = toString ./modules;
        nixosModules.m.imports = [ ./modules/asks-deeper.nix ];
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
          (flake [ ./modules/plain.nix ])
          (flake [ ./modules/asks-deeper.nix ])
          (flake [ ./modules/asks.nix ])
        ]
        [
          (flake [ ./modules/asks.nix ])
          (flake [ ./modules/asks-deeper.nix ])
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

  # --- the machine

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
        made = machine [ ./modules/other-codchi.nix ];
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

  # --- the script for the first start

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

  # --- arguments of a module's own

  "two modules with different inputs" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "first"; })
              ({ inputs, ... }: { answer.a = inputs.it; })
            ];
          }
        )
        (
          { codchi, ... }:
          {
            imports = [
              ({ inputs, ... }: { answer.b = inputs.it; })
              (codchi.injectInputs { it = "second"; })
            ];
          }
        )
      ]).answer;
    expected = {
      a = "first";
      b = "second";
    };
  };

  "files and their imports get the inputs too" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "file"; })
              ./modules/takes-inputs.nix
            ];
          }
        )
      ]).answer;
    expected = {
      deep = "file";
      file = "file";
    };
  };

  "a file that two modules import is one module" = {
    expr =
      (configOf [
        answer
        { imports = [ ./modules/once.nix ]; }
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { })
              ./modules/once.nix
              ./modules/once.nix
            ];
          }
        )
      ]).once;
    expected = [ "once" ];
  };

  "a file with inputs can be disabled" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "x"; })
              ./modules/takes-inputs.nix
            ];
            disabledModules = [ ./modules/takes-inputs.nix ];
          }
        )
      ]).answer;
    expected = { };
  };

  "inputs where no scope is above them" = {
    expr =
      (configOf [
        answer
        {
          imports = [
            (
              { codchi, ... }:
              {
                imports = [
                  (
                    { codchi, ... }:
                    {
                      imports = [ (codchi.injectInputs { it = "global"; }) ];
                    }
                  )
                  ({ inputs, ... }: { answer.g = inputs.it; })
                ];
              }
            )
          ];
        }
      ]).answer;
    expected.g = "global";
  };

  "a second nixpkgs" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.addNixpkgs {
                unstable = flakeOf "unstable" { legacyPackages.x86_64-linux.tool = "new"; };
              })
              (
                { pkgs, unstable, ... }:
                {
                  answer.second = unstable.tool;
                  answer.first = builtins.typeOf pkgs.hello;
                }
              )
            ];
          }
        )
      ]).answer;
    expected = {
      second = "new";
      first = "set";
    };
  };

  "a plain module that never heard of Codchi" = {
    expr = (configOf [ ./modules/plain.nix ]).environment.variables.PLAIN;
    expected = "yes";
  };

  # --- the examples

  "example hello" = {
    expr = (example "hello" [ "hello" ]).config.system.build.toplevel.type;
    expected = "derivation";
  };

  "example web" = {
    expr = {
      inherit ((codchi.requirements (example "web" [ "web" ])).secrets.visitor) kind optional;
      inherit ((unit (example "web" [ "web" ]).config "greeter").serviceConfig) LoadCredential User;
    };
    expected = {
      kind = "file";
      optional = true;
      LoadCredential = [ "visitor:codchi.visitor" ];
      User = "codchi";
    };
  };

  "example toolchain" = {
    expr = {
      project = (codchi.requirements (example "toolchain" [ "project" ])).initScript;
      toolchain = (codchi.requirements (example "toolchain" [ "toolchain" ])).initScript;
    };
    expected = {
      project = true;
      toolchain = false;
    };
  };

  "every example's module has a description" = {
    expr =
      lib.concatMap
        (
          name:
          let
            flake = exampleFlake name;
          in
          builtins.filter (module: !(builtins.isString (flake.codchi.descriptions.${module} or null))) (
            builtins.attrNames flake.nixosModules
          )
        )
        [
          "hello"
          "web"
          "toolchain"
        ];
    expected = [ ];
  };

  "the shipped flake" = {
    expr =
      let
        outputs = (import ../../nix/release/flake.nix).outputs;
      in
      builtins.functionArgs outputs;
    expected.nixpkgs = false;
  };

  "codchi.lib over a real machine is the fixture's NixOS" = {
    expr = nixpkgs.lib ? nixosSystem && (machine [ ])._type or null == "configuration";
    expected = true;
  };
}
// import ./lib.nix lib
