//! An icon in the panel with its menu, as a panel sees it: `org.kde.StatusNotifierItem` and `com.canonical.dbusmenu`
//! (<https://github.com/AyatanaIndicators/libdbusmenu/blob/main/libdbusmenu-glib/dbus-menu.xml>).

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use zbus::{
    Connection, proxy,
    zvariant::{OwnedObjectPath, OwnedValue, Structure, Value},
};

use super::{eventually, panel::Item};

/// The properties of an entry that are asked for.
const PROPERTIES: &[&str] = &["label", "enabled", "visible", "type", "children-display"];

#[proxy(interface = "org.kde.StatusNotifierItem")]
trait StatusNotifierItem {
    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_name(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn title(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn status(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn menu(&self) -> zbus::Result<OwnedObjectPath>;
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

#[proxy(interface = "com.canonical.dbusmenu")]
trait DbusMenu {
    fn get_layout(&self, parent: i32, depth: i32, properties: &[&str]) -> zbus::Result<(u32, Layout)>;
    fn event(&self, id: i32, event: &str, data: &Value<'_>, timestamp: u32) -> zbus::Result<()>;
    fn about_to_show(&self, id: i32) -> zbus::Result<bool>;
}

/// An icon.
pub struct Tray {
    item: StatusNotifierItemProxy<'static>,
    menu: DbusMenuProxy<'static>,
}

/// An entry of its menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: i32,
    /// What it says; nothing for a line.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
    /// What is in it.
    pub entries: Vec<Entry>,
}

impl Tray {
    pub(super) async fn new(bus: Connection, item: Item) -> Self {
        let proxy = StatusNotifierItemProxy::builder(&bus)
            .destination(item.owner.clone())
            .unwrap()
            .path(item.path)
            .unwrap()
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap();
        let menu = proxy.menu().await.unwrap();
        let menu = DbusMenuProxy::builder(&bus)
            .destination(item.owner)
            .unwrap()
            .path(menu)
            .unwrap()
            .build()
            .await
            .unwrap();
        Self { item: proxy, menu }
    }

    /// What it is called.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn title(&self) -> String {
        self.item.title().await.unwrap()
    }

    /// The picture that it shows, by its name in `icons/tray`.
    ///
    /// # Panics
    /// When it is gone, or shows none of them.
    pub async fn icon(&self) -> String {
        // The file of the one before is deleted while the next one is told.
        let shown = eventually("the tray's picture", async || {
            let path = self.item.icon_name().await.unwrap();
            pixels(Path::new(&path))
        });
        let shown = shown.await;
        let icons = crate::repo::source_tree().join("icons/tray");
        let mut known = std::fs::read_dir(icons).unwrap().map(|file| file.unwrap().path());
        let found = known.find(|file| pixels(file).as_ref() == Some(&shown)).expect("one of icons/tray");
        found.file_stem().unwrap().to_str().unwrap().split('-').next().unwrap().to_owned()
    }

    /// Its menu as it is now.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn entries(&self) -> Vec<Entry> {
        let (_, layout) = self.menu.get_layout(0, -1, PROPERTIES).await.unwrap();
        Entry::read(layout).entries
    }

    /// Waits until the menu has an entry of this label there, and returns it.
    ///
    /// # Panics
    /// When it doesn't in time.
    pub async fn entry(&self, path: &[&str]) -> Entry {
        let mut last = vec![];
        let begin = std::time::Instant::now();
        while begin.elapsed() < super::PATIENCE {
            last = self.entries().await;
            if let Some(entry) = find(&last, path) {
                return entry.clone();
            }
            tokio::time::sleep(super::LOOK).await;
        }
        panic!("the tray's menu has no {path:?}:\n{}", draw(&last, 0))
    }

    /// Waits until the menu has no entry of this label there.
    ///
    /// # Panics
    /// When it still has after some time.
    pub async fn wait_for_none(&self, path: &[&str]) {
        let gone = async || find(&self.entries().await, path).is_none().then_some(());
        eventually("an entry of the tray to go", gone).await;
    }

    /// Chooses an entry as a user does: opens the menus on the way to it and clicks it.
    ///
    /// # Panics
    /// When there is no such entry, or it is disabled, or it isn't taken in time.
    pub async fn click(&self, path: &[&str]) {
        let mut refused = None;
        let begin = std::time::Instant::now();
        while begin.elapsed() < super::PATIENCE {
            // A menu that is drawn anew between the look and the click has other ids.
            match self.try_click(path).await {
                Ok(()) => return,
                Err(error) => refused = Some(error),
            }
            tokio::time::sleep(super::LOOK).await;
        }
        panic!("the tray's menu doesn't take a click on {path:?}: {refused:?}")
    }

    async fn try_click(&self, path: &[&str]) -> zbus::Result<()> {
        for depth in 0..path.len() - 1 {
            let parent = self.entry(&path[..=depth]).await;
            self.menu.about_to_show(parent.id).await?;
        }
        let entry = self.entry(path).await;
        assert!(entry.enabled, "{path:?} can't be chosen");
        self.menu.event(entry.id, "clicked", &Value::from(0), 0).await
    }

    /// The menu as text.
    ///
    /// # Panics
    /// When it is gone.
    pub async fn drawn(&self) -> String {
        draw(&self.entries().await, 0)
    }
}

/// The entry at the end of these labels.
fn find<'a>(entries: &'a [Entry], path: &[&str]) -> Option<&'a Entry> {
    let (first, rest) = path.split_first()?;
    let entry = entries.iter().find(|entry| entry.label == *first)?;
    if rest.is_empty() { Some(entry) } else { find(&entry.entries, rest) }
}

fn draw(entries: &[Entry], depth: usize) -> String {
    entries
        .iter()
        .map(|entry| {
            let (open, close) = if entry.enabled { ("", "") } else { ("(", ")") };
            let label = if entry.label.is_empty() { "---" } else { &entry.label };
            format!("{}{open}{label}{close}\n{}", "  ".repeat(depth), draw(&entry.entries, depth + 1))
        })
        .collect()
}

impl Entry {
    fn read((id, properties, children): Layout) -> Self {
        let text = |name: &str| properties.get(name).and_then(|value| <&str>::try_from(value).ok());
        Self {
            id,
            // An underscore marks the next letter, two are one.
            label: if text("type") == Some("separator") {
                String::new()
            } else {
                text("label")
                    .unwrap_or_default()
                    .replace("__", "\u{0}")
                    .replace('_', "")
                    .replace('\u{0}', "_")
            },
            enabled: properties.get("enabled").and_then(|value| bool::try_from(value).ok()).unwrap_or(true),
            entries: children.into_iter().map(|child| Self::read(layout(child))).collect(),
        }
    }
}

fn layout(value: OwnedValue) -> Layout {
    let structure = Structure::try_from(value).expect("a dbusmenu layout");
    <Layout>::try_from(structure).expect("a dbusmenu layout")
}

/// The picture's pixels; `None` when it isn't there, or not yet whole.
fn pixels(path: &Path) -> Option<(u32, u32, Vec<u8>)> {
    let file = std::fs::File::open(PathBuf::from(path)).ok()?;
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    let info = reader.next_frame(&mut bytes).ok()?;
    bytes.truncate(info.buffer_size());
    Some((info.width, info.height, bytes))
}
