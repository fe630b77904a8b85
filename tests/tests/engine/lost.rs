//! What is left in the engine when our own files are gone.

use std::fs;

use codchi_tests::scene::Scene;

pub fn a_container_without_settings_is_shown_and_removed(scene: &mut Scene) {
    let repo = scene.hello();
    scene.running("lost", &repo);
    fs::remove_dir_all(scene.codchi.config_dir().join("machines/lost")).unwrap();
    let machine = scene.codchi.machine("lost");
    assert_eq!(
        (&machine["status"], &machine["allowed"]),
        (&"running".into(), &["delete"].into()),
        "{machine}"
    );
    scene.codchi.run(&["status"]).says("a container of 'lost' without settings").says("codchi delete lost");
    scene.codchi.run(&["doctor"]).says("containers without settings: lost");
    scene.codchi.fails(2, &["init", "lost", &repo.url()]).says("codchi delete lost");
    assert!(scene.instances().contains("codchi-lost"));
    scene.codchi.ok(&["delete", "lost", "--yes"]);
    scene.is_in_order();
    scene.codchi.ok(&["init", "lost", &repo.url()]);
    scene.codchi.ok(&["delete", "lost", "--yes"]);
}
