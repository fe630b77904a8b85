//! placeholder
fn main() -> tauri::Result<()> {
    tauri::Builder::default().build(tauri::generate_context!())?.run(|_, _| ());
    Ok(())
}
