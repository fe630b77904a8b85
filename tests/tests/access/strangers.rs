//! Repositories that reach for what isn't theirs: an input of a flake may be any path of the controller.

use codchi_tests::{cli::Outcome, hunt::Hunt, repo::Repo};

use crate::office::Office;

/// What a repository tells of the place that its input names, to whoever lists its modules.
fn loot(office: &Office, place: &str) -> Outcome {
    let flake = format!(
        "{{
  inputs.loot = {{ url = \"{place}\"; flake = false; }};
  outputs = {{ self, loot }}: let
    tell = depth: path: builtins.concatMap (name: let
      inner = path + \"/${{name}}\";
      kind = (builtins.readDir path).${{name}};
    in [ name ] ++ (if kind == \"directory\" && depth > 0 then tell (depth - 1) inner
      else if kind == \"regular\" then [ (builtins.substring 0 12 (builtins.readFile inner)) ] else []))
      (builtins.attrNames (builtins.readDir path));
  in {{
    nixosModules.default = {{ }};
    codchi.descriptions.default = \"loot: \" + builtins.concatStringsSep \" \" (tell 2 loot);
  }};
}}
"
    );
    let work = office.dir.path().join("work/stranger");
    office.private("stranger", "");
    Repo::at(&work).commit(&[("flake.nix", &flake)]);
    office.private("stranger", &format!("{place}\\n"));
    office.codchi().run(&["modules", &office.url("stranger"), "--json"])
}

pub fn a_flake_finds_nothing_of_the_controller(office: &mut Office) {
    office.trust(true);
    let token = office.token();
    office.login(&token);
    let hello = office.scene.example("hello");
    office.codchi().ok(&["modules", &hello.url()]);
    office.scene.in_controller(&["mkdir", "-p", "/config/machines/neighbour"]);
    office.scene.in_controller(&["sh", "-c", "echo their-own >/config/machines/neighbour/machine.json"]);
    let copies = office.scene.in_controller(&["ls", "/config/repositories"]);
    let copy = copies.lines().next().expect("a copy of the local repository");

    // What everybody may see is told: the question is one that finds something.
    loot(office, "path:/usr/share/codchi").says("loot: ").says("default.nix");

    let sampling = Hunt::new(&[("the token", token.as_bytes())]).sample();
    for place in [
        "path:/run/codchi/access".to_owned(),
        "path:/run/codchi".to_owned(),
        "path:/proc/self/environ".to_owned(),
        "path:/proc/1/root/config/machines".to_owned(),
        "path:/config/machines".to_owned(),
        "path:/config/machines/neighbour".to_owned(),
        "path:/config/repositories".to_owned(),
        format!("git+file:///config/repositories/{copy}"),
        "path:/nix/var/nix/profiles".to_owned(),
        "path:/nix/var/nix/gcroots".to_owned(),
        "path:/instances".to_owned(),
        "path:/config/roots".to_owned(),
    ] {
        let told = loot(office, &place);
        for secret in [token.as_str(), &token[..6], "their-own", "hello.nix", "per-instance"] {
            assert!(!told.stdout.contains(secret), "{place}: {told}");
        }
        assert!(!told.stderr.contains(&token), "{place}: {told}");
    }
    sampling.found_nothing();
    office.hunted(&token);
}
