//! A real Incus keeps the contracts. Needs root and the engine's packages.

use std::path::Path;

use codchi_driver_lxd::Flavour;
use codchi_tests::{
    conformance::{
        self, Fixtures,
        real::{self, Probe, RealOutside},
    },
    world::World,
};

#[tokio::test(flavor = "multi_thread")]
async fn conformance_incus() {
    let fixtures = Fixtures::new();
    // The suite brings its own guest; the product's images needn't be built.
    let world = World::with(Flavour::Incus, &["--images", fixtures.dir().to_str().unwrap()]);
    let outside = RealOutside { world: &world, probe: Probe(Path::new(env!("CARGO_BIN_EXE_driver-probe"))) };
    conformance::run(&world.driver(), &outside, &fixtures).await;
    real::run(&world, &fixtures).await;
}
