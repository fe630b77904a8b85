//! Reads `tauri.conf.json` and `capabilities/` into the build.

fn main() {
    tauri_build::build();
}
