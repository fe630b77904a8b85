//! Secrets as a user meets them: asked before the build, kept in a real keyring, delivered to a real machine, found nowhere else.
//!
//! What a delivery does inside of a machine is in `engine/delivery`; the dialog is in `window`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod asking;
mod keeping;
mod leaks;
mod values;

use std::process::ExitCode;

use codchi_tests::{
    cases,
    repo::Repo,
    scene::Scene,
    suite::{self, Case},
};

/// A module that asks for a token which must look like one, for a key file, and for something that it can do without. Its unit writes
/// down what it was given.
const ASKING: &str = r#"{ pkgs, ... }: {
  codchi.secrets = {
    token = { description = "A token, see https://git.example.org/tokens"; pattern = "tok-.+"; };
    key = { description = "A key"; kind = "file"; mode = "0440"; };
    dsn = { description = "Where errors go"; optional = true; };
  };
  codchi.services.uses.secrets = [ "token" "key" ];
  systemd.services.uses = {
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.coreutils ];
    serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
    script = ''
      printf %s "$TOKEN" | sha256sum >/run/uses-token
      sha256sum <"$CREDENTIALS_DIRECTORY/key" >/run/uses-key
    '';
  };
}
"#;

/// The repository of that module.
fn asking(scene: &Scene) -> Repo {
    let path = scene.place("asking");
    if path.exists() { Repo::at(path) } else { Repo::module(path, "asking", ASKING) }
}

/// What a shell of the machine's user has in a variable, byte for byte.
fn variable(scene: &Scene, machine: &str, name: &str) -> String {
    scene.codchi.exec(machine, &["sh", "-c", &format!("printf %s \"${name}\" | base64 -w0")])
}

const CASES: &[Case<Scene>] = cases! {
    asking:
        a_build_waits_where_nobody_can_be_asked_and_an_answer_continues_it
        values_that_come_along_are_not_asked_for
        a_terminal_is_asked_without_showing_what_is_typed
        a_secret_of_a_user_who_comes_with_it_is_there_when_its_unit_starts;
    values:
        what_is_listed_has_no_values
        a_value_that_does_not_fit_changes_nothing
        any_bytes_reach_the_machine
        a_changed_value_is_there_at_once_and_after_a_restart
        modules_of_the_older_form_work;
    keeping:
        without_a_keyring_it_says_so_and_a_vault_does
        a_locked_keyring_is_said
        what_is_deleted_is_forgotten;
    leaks:
        canaries_are_nowhere_else;
};

fn main() -> ExitCode {
    suite::main("secrets", || Scene::new(&["--log-requests"]), CASES)
}
