//! A Tauri window with one line of text and nothing behind it: what `cargo xtask bench` measures the app's window against.

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::generate_context!("examples/empty-window/tauri.conf.json"))
}
