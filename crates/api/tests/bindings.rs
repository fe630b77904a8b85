//! The TypeScript in `ui/src/bindings` is what the types say. `UPDATE_BINDINGS=1` writes it anew.
#![cfg(feature = "ts")]

use std::{collections::BTreeMap, fs, path::Path};

#[test]
fn typescript_bindings_are_fresh() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/bindings");
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        let _ = fs::remove_dir_all(&committed);
        fs::create_dir_all(&committed).unwrap();
        codchi_api::export_typescript(&committed).unwrap();
        return;
    }
    let fresh = tempfile::tempdir().unwrap();
    codchi_api::export_typescript(fresh.path()).unwrap();
    assert_eq!(
        files(&committed),
        files(fresh.path()),
        "run `UPDATE_BINDINGS=1 cargo test -p codchi-api --features ts`"
    );
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}
