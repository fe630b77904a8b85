//! What the desktop's panel is like: whether it shows tray icons at all, and whether it is dark.
//!
//! Protocols: <https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/>,
//! <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html>.

/// The ink of the icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// For a dark panel.
    Light,
    /// For a light panel.
    Dark,
}

#[cfg(target_os = "linux")]
mod platform {
    use std::time::Duration;

    use codchi_host::Environment;
    use zbus::{Connection, zvariant::OwnedValue};

    use super::Ink;

    /// A desktop that doesn't answer by then has no tray. Nobody waits for it: the window that was closed is hidden already.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// An icon isn't shown later than this for want of a colour.
    const INK_PATIENCE: Duration = Duration::from_millis(500);

    #[zbus::proxy(
        interface = "org.kde.StatusNotifierWatcher",
        default_service = "org.kde.StatusNotifierWatcher",
        default_path = "/StatusNotifierWatcher"
    )]
    trait StatusNotifierWatcher {
        #[zbus(property)]
        fn is_status_notifier_host_registered(&self) -> zbus::Result<bool>;
    }

    #[zbus::proxy(
        interface = "org.freedesktop.portal.Settings",
        default_service = "org.freedesktop.portal.Desktop",
        default_path = "/org/freedesktop/portal/desktop"
    )]
    trait PortalSettings {
        fn read_one(&self, namespace: &str, key: &str) -> zbus::Result<OwnedValue>;
    }

    /// Whether a panel shows tray icons now.
    pub(crate) async fn is_present() -> bool {
        let asked = async {
            let bus = Connection::session().await?;
            StatusNotifierWatcherProxy::new(&bus).await?.is_status_notifier_host_registered().await
        };
        matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(true)))
    }

    /// What can be seen on the panel. GNOME's is dark whatever its windows are; elsewhere it follows them.
    pub(crate) async fn ink(environment: &Environment) -> Ink {
        let desktop = environment.text("XDG_CURRENT_DESKTOP").unwrap_or_default();
        if desktop.split(':').any(|name| matches!(name, "GNOME" | "Unity" | "Budgie")) {
            return Ink::Light;
        }
        let asked = async {
            let bus = Connection::session().await?;
            let scheme = PortalSettingsProxy::new(&bus)
                .await?
                .read_one("org.freedesktop.appearance", "color-scheme")
                .await?;
            u32::try_from(scheme).map_err(zbus::Error::from)
        };
        match tokio::time::timeout(INK_PATIENCE, asked).await {
            Ok(Ok(2)) => Ink::Dark,
            _ => Ink::Light,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use codchi_host::Environment;

    use super::Ink;

    /// There always is one.
    pub(crate) async fn is_present() -> bool {
        true
    }

    /// The taskbar is dark unless the user changed it.
    pub(crate) async fn ink(_: &Environment) -> Ink {
        Ink::Light
    }
}

pub(crate) use platform::{ink, is_present};
