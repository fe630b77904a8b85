//! The windows on the display, as a window manager sees them.

use x11rb::{
    connection::Connection as _,
    protocol::xproto::{
        AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, MapState, Window as WindowId,
    },
    rust_connection::RustConnection,
};

use super::eventually;

/// A display.
pub struct Screen {
    connection: RustConnection,
    root: WindowId,
}

impl Screen {
    pub(super) fn new(number: u32) -> Self {
        let (connection, screen) = x11rb::connect(Some(&format!(":{number}"))).expect("the display");
        let root = connection.setup().roots[screen].root;
        Self { connection, root }
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
