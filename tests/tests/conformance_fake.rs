//! The in-memory engine keeps the contracts.

use codchi_tests::conformance::{self, Fixtures, simulated};

#[tokio::test]
async fn conformance_fake() {
    let fake = simulated::fake();
    conformance::run(&fake, &fake, &Fixtures::new()).await;
}
