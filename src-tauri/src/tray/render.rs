//! Draws the tray's model with the desktop's own menu, changing as little as possible: an open menu stays open while entries in it
//! change, and only what follows the first difference in structure is made anew.

use std::collections::HashMap;

use tauri::{
    AppHandle, Wry,
    image::Image,
    include_image,
    menu::{IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent},
};

use super::{
    host::Ink,
    model::{Choice, Entry, Icon, TrayModel},
};

/// The icon in the panel.
pub(crate) struct Tray {
    icon: TrayIcon,
    ink: Ink,
    menu: Menu<Wry>,
    entries: Vec<Drawn>,
    choices: HashMap<String, Choice>,
    shown: Option<TrayModel>,
}

/// An entry as it is on the screen.
enum Drawn {
    Item { key: String, item: MenuItem<Wry>, label: String, enabled: bool },
    Menu { key: String, menu: Submenu<Wry>, label: String, entries: Vec<Drawn> },
    Line(PredefinedMenuItem<Wry>),
}

/// Where entries are.
enum Parent<'a> {
    Menu(&'a Menu<Wry>),
    Submenu(&'a Submenu<Wry>),
}

impl Tray {
    /// Puts an empty one into the panel. Must be called on the main thread.
    ///
    /// # Errors
    /// When the desktop refuses.
    pub(crate) fn new(
        app: &AppHandle,
        ink: Ink,
        chosen: impl Fn(&AppHandle, &str) + Send + Sync + 'static,
        clicked: impl Fn(&AppHandle) + Send + Sync + 'static,
    ) -> tauri::Result<Self> {
        let menu = Menu::new(app)?;
        let icon = TrayIconBuilder::with_id("codchi")
            .icon(image(Icon::Idle, ink))
            .menu(&menu)
            // Where the desktop tells clicks from each other (not on Linux), the left one opens the window.
            .show_menu_on_left_click(false)
            .on_menu_event(move |app, event| chosen(app, event.id().as_ref()))
            .on_tray_icon_event(move |icon, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                {
                    clicked(icon.app_handle());
                }
            })
            .build(app)?;
        Ok(Self { icon, ink, menu, entries: vec![], choices: HashMap::new(), shown: None })
    }

    /// What choosing the entry of this identity does.
    pub(crate) fn choice(&self, id: &str) -> Option<Choice> {
        self.choices.get(id).cloned()
    }

    /// Shows `model`; does nothing when it is shown already. Must be called on the main thread.
    ///
    /// # Errors
    /// When the desktop refuses.
    pub(crate) fn show(&mut self, app: &AppHandle, model: TrayModel) -> tauri::Result<()> {
        if self.shown.as_ref() == Some(&model) {
            return Ok(());
        }
        if self.shown.as_ref().map(|shown| shown.icon) != Some(model.icon) {
            self.icon.set_icon(Some(image(model.icon, self.ink)))?;
        }
        self.icon.set_tooltip(Some(&model.tooltip))?;
        self.choices.clear();
        collect_choices("", &model.entries, &mut self.choices);
        reconcile(app, &Parent::Menu(&self.menu), "", &mut self.entries, &model.entries)?;
        self.shown = Some(model);
        Ok(())
    }
}

fn collect_choices(path: &str, entries: &[Entry], choices: &mut HashMap<String, Choice>) {
    for entry in entries {
        match entry {
            Entry::Item { key, choice: Some(choice), .. } => {
                choices.insert(format!("{path}{key}"), choice.clone());
            }
            Entry::Menu { key, entries, .. } => collect_choices(&format!("{path}{key}/"), entries, choices),
            Entry::Item { .. } | Entry::Line => {}
        }
    }
}

/// Makes `drawn` look as `wanted`.
fn reconcile(
    app: &AppHandle,
    parent: &Parent<'_>,
    path: &str,
    drawn: &mut Vec<Drawn>,
    wanted: &[Entry],
) -> tauri::Result<()> {
    let same = drawn.iter().zip(wanted).take_while(|(drawn, wanted)| drawn.is(wanted)).count();
    for (position, (drawn, wanted)) in drawn.iter_mut().zip(&wanted[..same]).enumerate() {
        if !drawn.update(app, path, wanted)? {
            parent.remove(drawn)?;
            *drawn = draw(app, path, wanted)?;
            parent.insert(drawn, position)?;
        }
    }
    for gone in drawn.drain(same..).rev() {
        parent.remove(&gone)?;
    }
    for new in &wanted[same..] {
        let new = draw(app, path, new)?;
        parent.append(&new)?;
        drawn.push(new);
    }
    Ok(())
}

fn draw(app: &AppHandle, path: &str, entry: &Entry) -> tauri::Result<Drawn> {
    Ok(match entry {
        Entry::Line => Drawn::Line(PredefinedMenuItem::separator(app)?),
        Entry::Item { key, label, choice } => {
            let enabled = choice.is_some();
            let item = MenuItem::with_id(app, format!("{path}{key}"), label, enabled, None::<&str>)?;
            Drawn::Item { key: key.clone(), item, label: label.clone(), enabled }
        }
        Entry::Menu { key, label, entries } => {
            let path = format!("{path}{key}");
            let menu = Submenu::with_id(app, &path, label, true)?;
            let mut drawn = vec![];
            reconcile(app, &Parent::Submenu(&menu), &format!("{path}/"), &mut drawn, entries)?;
            Drawn::Menu { key: key.clone(), menu, label: label.clone(), entries: drawn }
        }
    })
}

impl Drawn {
    /// Whether updating it is enough to make it look as `entry`.
    fn is(&self, entry: &Entry) -> bool {
        match (self, entry) {
            (Self::Item { key: mine, .. }, Entry::Item { key, .. })
            | (Self::Menu { key: mine, .. }, Entry::Menu { key, .. }) => mine == key,
            (Self::Line(_), Entry::Line) => true,
            _ => false,
        }
    }

    /// Makes it look as `entry`. False when it has to be drawn anew: a menu in a menu keeps its label for life, because muda 0.20 puts
    /// it into a box on GTK, where `set_text` doesn't reach it.
    fn update(&mut self, app: &AppHandle, path: &str, entry: &Entry) -> tauri::Result<bool> {
        match (self, entry) {
            (Self::Item { item, label, enabled, .. }, Entry::Item { label: new, choice, .. }) => {
                if label != new {
                    item.set_text(new)?;
                    label.clone_from(new);
                }
                if *enabled != choice.is_some() {
                    *enabled = choice.is_some();
                    item.set_enabled(*enabled)?;
                }
            }
            (Self::Menu { menu, label, entries, key }, Entry::Menu { label: new, entries: wanted, .. }) => {
                if label != new {
                    return Ok(false);
                }
                reconcile(app, &Parent::Submenu(menu), &format!("{path}{key}/"), entries, wanted)?;
            }
            _ => {}
        }
        Ok(true)
    }

    fn as_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Item { item, .. } => item,
            Self::Menu { menu, .. } => menu,
            Self::Line(line) => line,
        }
    }
}

impl Parent<'_> {
    fn append(&self, entry: &Drawn) -> tauri::Result<()> {
        match self {
            Self::Menu(menu) => menu.append(entry.as_item()),
            Self::Submenu(menu) => menu.append(entry.as_item()),
        }
    }

    fn insert(&self, entry: &Drawn, position: usize) -> tauri::Result<()> {
        match self {
            Self::Menu(menu) => menu.insert(entry.as_item(), position),
            Self::Submenu(menu) => menu.insert(entry.as_item(), position),
        }
    }

    fn remove(&self, entry: &Drawn) -> tauri::Result<()> {
        match self {
            Self::Menu(menu) => menu.remove(entry.as_item()),
            Self::Submenu(menu) => menu.remove(entry.as_item()),
        }
    }
}

fn image(icon: Icon, ink: Ink) -> Image<'static> {
    match (icon, ink) {
        (Icon::Idle, Ink::Light) => include_image!("../icons/tray/idle-dark@2x.png"),
        (Icon::Running, Ink::Light) => include_image!("../icons/tray/running-dark@2x.png"),
        (Icon::Busy, Ink::Light) => include_image!("../icons/tray/busy-dark@2x.png"),
        (Icon::Problem, Ink::Light) => include_image!("../icons/tray/problem-dark@2x.png"),
        (Icon::Idle, Ink::Dark) => include_image!("../icons/tray/idle-light@2x.png"),
        (Icon::Running, Ink::Dark) => include_image!("../icons/tray/running-light@2x.png"),
        (Icon::Busy, Ink::Dark) => include_image!("../icons/tray/busy-light@2x.png"),
        (Icon::Problem, Ink::Dark) => include_image!("../icons/tray/problem-light@2x.png"),
    }
}
