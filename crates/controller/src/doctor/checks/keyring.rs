//! Can secrets be kept.

use crate::{
    doctor::{
        CheckGroup, commands,
        finding::{Finding, Subject},
    },
    secret::{StoreKind, StoreState},
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "keyring", group: CheckGroup::Desktop, title: "Secrets" };

/// `needed` says whether a machine asks for a secret.
pub(in crate::doctor) fn check(store: Option<(StoreKind, StoreState)>, needed: bool) -> Finding {
    let Some((kind, state)) = store else {
        return Finding::unknown("unread", "The settings can't be read.");
    };
    let (name, absent): (_, fn(&'static str, &'static str) -> Finding) = match kind {
        StoreKind::Keyring => ("keyring", if needed { Finding::fail } else { Finding::warn }),
        StoreKind::Vault => ("vault", Finding::ok),
    };
    match (state, kind) {
        (StoreState::Ready, _) => Finding::ok("ready", "Secrets can be kept and read."),
        (StoreState::Locked, _) => {
            Finding::ok("locked", "The {store} is locked; it is unlocked when a secret is needed.")
        }
        (StoreState::Absent, StoreKind::Vault) => {
            absent("no_vault", "The vault is made with the first secret.")
        }
        (StoreState::Absent, StoreKind::Keyring) => absent(
            "no_keyring",
            "This session has no keyring. Secrets can be kept in a vault instead, a file with a passphrase.",
        )
        .mended_by(commands::use_vault()),
    }
    .with("store", name)
    .seen(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckState;

    #[test]
    fn a_missing_keyring_fails_only_where_one_is_needed() {
        let look = |state, needed| check(Some((StoreKind::Keyring, state)), needed);
        assert_eq!(look(StoreState::Absent, false).state, CheckState::Warn);
        let finding = look(StoreState::Absent, true);
        assert_eq!(finding.state, CheckState::Fail);
        assert_eq!(finding.about(SUBJECT).0.fix.unwrap().id, "keyring");
        assert_eq!(
            look(StoreState::Locked, true).about(SUBJECT).0.explanation,
            "The keyring is locked; it is unlocked when a secret is needed."
        );
        let vault = check(Some((StoreKind::Vault, StoreState::Absent)), true);
        assert_eq!(vault.state, CheckState::Ok);
    }
}
