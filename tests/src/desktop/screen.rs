//! The windows on the display, as a window manager sees them.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection as _,
    protocol::{
        Event,
        damage::{ConnectionExt as _, ReportLevel},
        xproto::{AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window as WindowId},
    },
    rust_connection::RustConnection,
};

use super::{PATIENCE, eventually};

/// A display.
pub struct Screen {
    number: u32,
    connection: RustConnection,
    root: WindowId,
}

/// What is drawn on a display, as its server tells it (the DAMAGE extension).
pub struct Paints {
    drawn: mpsc::Receiver<Instant>,
}

impl Screen {
    pub(super) fn new(number: u32) -> Self {
        let (connection, root) = connect(number);
        Self { number, connection, root }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// What is drawn from now on.
    ///
    /// # Panics
    /// When the display is gone, or can't tell.
    pub fn paints(&self) -> Paints {
        let (connection, root) = connect(self.number);
        connection.damage_query_version(1, 1).unwrap().reply().expect("the display knows DAMAGE");
        let damage = connection.generate_id().unwrap();
        connection.damage_create(damage, root, ReportLevel::RAW_RECTANGLES).unwrap().check().unwrap();
        let (tell, drawn) = mpsc::channel();
        // It ends with the display, or with the first event that nobody waits for.
        std::thread::spawn(move || {
            while let Ok(event) = connection.wait_for_event() {
                if matches!(event, Event::DamageNotify(_)) && tell.send(Instant::now()).is_err() {
                    break;
                }
            }
        });
        Paints { drawn }
    }

    /// The window with this title that can be seen.
    ///
    /// # Panics
    /// When the display is gone.
    pub fn visible(&self, title: &str) -> Option<WindowId> {
        let children = self.connection.query_tree(self.root).unwrap().reply().unwrap().children;
        children
            .into_iter()
            .find(|&window| self.is_visible(window) && self.title(window).as_deref() == Some(title))
    }

    /// Waits until the window with this title can be seen.
    ///
    /// # Panics
    /// When it can't in time.
    pub async fn wait_for(&self, title: &str) -> WindowId {
        eventually("a window on the display", async || self.visible(title)).await
    }

    /// Waits until no window with this title can be seen.
    ///
    /// # Panics
    /// When one still can after some time.
    pub async fn wait_for_none(&self, title: &str) {
        eventually("no window on the display", async || self.visible(title).is_none().then_some(())).await;
    }

    /// Asks the window to close, as the cross in its title bar does (`WM_DELETE_WINDOW` of the ICCCM).
    ///
    /// # Panics
    /// When the display is gone.
    pub fn close(&self, window: WindowId) {
        let (protocols, delete) = (self.atom("WM_PROTOCOLS"), self.atom("WM_DELETE_WINDOW"));
        let message = ClientMessageEvent::new(32, window, protocols, [delete, x11rb::CURRENT_TIME, 0, 0, 0]);
        self.connection.send_event(false, window, EventMask::NO_EVENT, message).unwrap();
        self.connection.flush().unwrap();
    }

    fn atom(&self, name: &str) -> u32 {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    fn is_visible(&self, window: WindowId) -> bool {
        // It may be gone by now.
        let Ok(attributes) = self.connection.get_window_attributes(window).unwrap().reply() else {
            return false;
        };
        attributes.map_state == MapState::VIEWABLE
    }

    fn title(&self, window: WindowId) -> Option<String> {
        let property = self.connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256);
        String::from_utf8(property.unwrap().reply().ok()?.value).ok()
    }
}

impl Paints {
    /// Waits until something was drawn and then nothing for this long. Returns when the last of it was drawn.
    ///
    /// # Panics
    /// When nothing is drawn in time, or it goes on for as long.
    pub fn settled(&self, quiet: Duration) -> Instant {
        let begin = Instant::now();
        let mut last = self.drawn.recv_timeout(PATIENCE).expect("something is drawn");
        while let Ok(drawn) = self.drawn.recv_timeout(quiet) {
            assert!(begin.elapsed() < PATIENCE, "it goes on drawing");
            last = drawn;
        }
        last
    }
}

pub(super) fn connect(number: u32) -> (RustConnection, WindowId) {
    let (connection, screen) = x11rb::connect(Some(&format!(":{number}"))).expect("the display");
    let root = connection.setup().roots[screen].root;
    (connection, root)
}
