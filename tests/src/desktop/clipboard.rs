//! The clipboard of the display, as a program that pastes asks for it (the CLIPBOARD selection of the ICCCM).

use x11rb::{
    connection::Connection as _,
    protocol::{
        Event,
        xproto::{AtomEnum, ConnectionExt as _, CreateWindowAux, WindowClass},
    },
};

use super::{Screen, screen::connect};

/// The property in which the answer comes.
const ANSWER: &[u8] = b"CODCHI_TEST_PASTED";

impl Screen {
    /// The text in the clipboard; `None` when nobody has any.
    ///
    /// # Panics
    /// When the display is gone, or what is there is no text.
    pub fn clipboard(&self) -> Option<String> {
        let (connection, root) = connect(self.number());
        let atom = |name: &[u8]| connection.intern_atom(false, name).unwrap().reply().unwrap().atom;
        let (text, answer) = (atom(b"UTF8_STRING"), atom(ANSWER));
        let window = connection.generate_id().unwrap();
        let aux = CreateWindowAux::new();
        connection
            .create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &aux)
            .unwrap()
            .check()
            .unwrap();
        connection
            .convert_selection(window, atom(b"CLIPBOARD"), text, answer, x11rb::CURRENT_TIME)
            .unwrap()
            .check()
            .unwrap();
        let notice = loop {
            if let Event::SelectionNotify(notice) = connection.wait_for_event().unwrap() {
                break notice;
            }
        };
        if notice.property == x11rb::NONE {
            return None;
        }
        let value = connection
            .get_property(true, window, answer, AtomEnum::ANY, 0, u32::MAX)
            .unwrap()
            .reply()
            .unwrap();
        let value = String::from_utf8(value.value).expect("the clipboard has text in it");
        (!value.is_empty()).then_some(value)
    }
}
