//! The network's proxy.

use codchi_tests::{hunt::Hunt, servers::ConnectProxy};

use crate::office::Office;

pub fn git_goes_through_the_proxy_also_with_a_password(office: &mut Office) {
    office.private("proxied", "1");
    office.trust(true);
    office.login(&office.token());
    let proxy = ConnectProxy::new(office.ip, false);
    let to = office.git.host();
    let through = |url: &str| office.codchi().clone().env("https_proxy", url);

    through(&proxy.url("")).ok(&["modules", &office.url("proxied")]);
    let seen = proxy.seen();
    assert!(!seen.is_empty() && seen.iter().all(|place| *place == to), "{seen:?}");
    let daemon = office.scene.in_controller(&[
        "sh",
        "-c",
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm)\" != nix-daemon ] || tr '\\0' '\\n' <$p/environ; done",
    ]);
    assert!(daemon.contains(&format!("https_proxy={}", proxy.url(""))), "{daemon}");

    office.codchi().ok(&["modules", &office.url("proxied")]);
    assert!(proxy.seen().is_empty(), "without the variable nothing goes there");

    // The environment of the command itself is the user's own; nothing else may have it. What a thread of it starts has that
    // environment and the thread's name until it has become its program.
    let password = "pr0xy-passw0rd-c4nary";
    let proxy = ConnectProxy::new(office.ip, true);
    let codchi = through(&proxy.url(&format!("me:{password}@")));
    let sampling = Hunt::new(&[("the proxy's password", password.as_bytes())]).sample();
    codchi.ok(&["modules", &office.url("proxied")]);
    let (hits, _) = sampling.end();
    let foreign: Vec<_> = hits
        .iter()
        .filter(|hit| {
            !["codchi", "git", "tokio-rt-worker"]
                .iter()
                .any(|own| hit.place.contains(&format!("environ of {own} ")))
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
    let seen = proxy.seen();
    assert!(!seen.is_empty(), "it was let in");
    office.hunted(password);

    let except = codchi.env("no_proxy", office.ip.to_string());
    except.ok(&["modules", &office.url("proxied")]);
    assert!(proxy.seen().is_empty(), "exceptions are heeded");
}
