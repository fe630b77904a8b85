//! Private repositories over HTTPS.

use std::{
    fs,
    net::TcpListener,
    time::{Duration, Instant},
};

use codchi_tests::{hunt::Hunt, terminal::Terminal};

use crate::office::{Office, USER};

pub fn a_server_is_trusted_once_its_authority_is_on_the_host(office: &mut Office) {
    office.private("trusted", "1");
    let token = office.token();
    office.login(&token);
    office.trust(false);
    let untrusted = office.codchi().fails(4, &["modules", &office.url("trusted")]);
    untrusted.says(&format!("the certificate of {} is not trusted by this computer", office.git.host()));
    untrusted.says("ca-certificates");
    office.trust(true);
    office.codchi().ok(&["modules", &office.url("trusted")]).says("nixosModules.trusted");
    office.trust(false);
    office.codchi().fails(4, &["modules", &office.url("trusted")]).says("not trusted");
    office.codchi().ok(&["logout", &office.git.host()]);
}

pub fn a_private_repository_builds_with_a_token_that_is_nowhere(office: &mut Office) {
    office.private("secretive", "first");
    office.trust(true);
    let (token, host) = (office.token(), office.git.host());
    office.codchi().run(&["logout", &host]);
    let none = office.codchi().fails(4, &["init", "secretive", &office.url("secretive")]);
    none.says(&host).says(&format!("codchi login {host}"));
    let login = format!("codchi login {host}");

    let sampling = Hunt::new(&[("the token", token.as_bytes())]).sample();
    office.login("n0t-the-right-token");
    let wrong = office.codchi().fails(4, &["init", "secretive", &office.url("secretive")]);
    wrong.says(&format!("the token for {host} was refused")).says(&login);
    office.login(&token);
    office.codchi().ok(&["init", "secretive", &office.url("secretive")]);
    assert_eq!(office.codchi().exec("secretive", &["cat", "/etc/secretive"]), "first");
    office.private("secretive", "second");
    office.codchi().ok(&["rebuild", "secretive"]);
    assert_eq!(office.codchi().exec("secretive", &["cat", "/etc/secretive"]), "second");
    sampling.found_nothing();
    office.hunted(&token);
    assert!(office.git.counts().0 > 0, "the server gave it out");
}

pub fn a_token_that_was_revoked_is_named_and_what_runs_is_left(office: &mut Office) {
    office.private("revoked", "before");
    office.trust(true);
    let host = office.git.host();
    office.login(&office.token());
    office.codchi().ok(&["init", "revoked", &office.url("revoked")]);
    office.private("revoked", "after");
    office.git.revoke();
    let outcome = office.codchi().fails(4, &["rebuild", "revoked"]);
    outcome.says(&format!("the token for {host} was refused")).says(&format!("`codchi login {host}`"));
    assert_eq!(office.codchi().exec("revoked", &["cat", "/etc/revoked"]), "before");
    let token = office.token();
    office.login(&token);
    office.codchi().ok(&["rebuild", "revoked"]);
    assert_eq!(office.codchi().exec("revoked", &["cat", "/etc/revoked"]), "after");
    // An address is no place for it.
    let typed = office.url("revoked").replace("https://", &format!("https://{USER}:x@"));
    office.codchi().fails(2, &["modules", &typed]).says(&format!("codchi login {host}"));
    office.hunted(&token);
}

pub fn what_git_knows_is_used_unless_it_is_refused(office: &mut Office) {
    office.private("known", "1");
    office.trust(true);
    office.codchi().run(&["logout", &office.git.host()]);
    let token = office.token();
    let store = office.dir.path().join("git-credentials");
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    fs::write(&store, format!("https://{USER}:{encoded}@{}\n", office.git.host())).unwrap();
    let config = format!("[credential]\n\thelper = store --file={}\n", store.display());
    fs::write(office.home().join(".gitconfig"), config).unwrap();
    let sampling = Hunt::new(&[("what git knows", token.as_bytes())]).sample();
    office.codchi().ok(&["modules", &office.url("known")]).says("nixosModules.known");
    sampling.found_nothing();
    office.git.revoke();
    office
        .codchi()
        .fails(4, &["modules", &office.url("known")])
        .says(&format!("what git knows for {} was refused", office.git.host()));
    fs::remove_file(office.home().join(".gitconfig")).unwrap();
    office.hunted(&token);
}

/// A module that asks to use what its user has for servers.
fn consenting(text: &str) -> String {
    format!(
        "{{ codchi.hostSecrets.gitCredentials.enable = true; codchi.hostSecrets.nixAccessTokens.enable = true;
            environment.etc.\"consenting\".text = \"{text}\"; }}"
    )
}

pub fn what_was_refused_to_a_machine_is_not_used_for_it(office: &mut Office) {
    office.private_module("consenting", &consenting("first"));
    office.trust(true);
    let (token, host) = (office.token(), office.git.host());
    office.login(&token);
    let mut terminal = Terminal::new(office.codchi(), &["init", "consenting", &office.url("consenting")]);
    terminal.until("your git credentials").until("[y/N] ").types("n");
    terminal.until("your tokens for servers").until("[y/N] ").types("");
    let (code, said) = terminal.finish();
    assert_eq!(code, Some(0), "{said}");
    let listed = office.codchi().ok(&["secrets", "list", "consenting"]);
    listed.says("may not use your git credentials").says("may not use your tokens");

    // The token is there, and isn't sent: the server lets nobody in.
    office.private_module("consenting", &consenting("second"));
    let let_in = office.git.counts().0;
    office.codchi().fails(4, &["rebuild", "consenting"]).says(&host);
    assert_eq!(office.git.counts().0, let_in, "nobody was let in");
    assert_eq!(office.codchi().exec("consenting", &["cat", "/etc/consenting"]), "first");
    office.codchi().ok(&["modules", &office.url("consenting")]).says("nixosModules.consenting");
    office.codchi().ok(&["rebuild", "consenting", "--allow", "nix-access-tokens"]);
    assert_eq!(office.codchi().exec("consenting", &["cat", "/etc/consenting"]), "second");

    // The same for what git knows.
    office.codchi().ok(&["logout", &host]);
    let store = office.dir.path().join("consented-credentials");
    let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    fs::write(&store, format!("https://{USER}:{encoded}@{host}\n")).unwrap();
    let config = format!("[credential]\n\thelper = store --file={}\n", store.display());
    fs::write(office.home().join(".gitconfig"), config).unwrap();
    office.private_module("consenting", &consenting("third"));
    let let_in = office.git.counts().0;
    office.codchi().fails(4, &["rebuild", "consenting"]).says(&host);
    assert_eq!(office.git.counts().0, let_in, "nobody was let in");
    office.codchi().ok(&["rebuild", "consenting", "--allow", "git-credentials"]);
    assert_eq!(office.codchi().exec("consenting", &["cat", "/etc/consenting"]), "third");
    fs::remove_file(office.home().join(".gitconfig")).unwrap();
    office.codchi().ok(&["delete", "consenting", "--yes"]);
}

pub fn a_killed_owner_leaves_nothing_of_the_token(office: &mut Office) {
    office.trust(true);
    let token = office.token();
    // A server that takes the connection and says nothing: the token is held meanwhile.
    let silent = TcpListener::bind((office.ip, 0)).unwrap();
    let host = silent.local_addr().unwrap().to_string();
    let login = office.codchi().run_with(&["login", &host, "--user", USER], format!("{token}\n").as_bytes());
    assert_eq!(login.code, 0, "{login}");
    let url = format!("git+https://{host}/acme/silent.git");
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| office.codchi().run(&["modules", &url]));
        let connection = silent.accept().unwrap();
        let owners = office.controller_programs("with-access");
        assert!(!owners.is_empty() && !office.controller_programs(&host).is_empty(), "it is asked");
        let held = office.scene.in_controller(&["sh", "-c", "cat /run/codchi/access/*/* | wc -c"]);
        assert_ne!(held.trim(), "0", "and the token is there");
        // One of them may end with another.
        let kill = format!("kill -KILL {} || true", owners.join(" "));
        office.scene.in_controller(&["sh", "-c", &kill]);
        let asked = asking.join().unwrap();
        // What ran for it ends, and what it used goes with that, though the server still says nothing.
        let until = Instant::now() + Duration::from_secs(20);
        while office.access_is_held() || !office.controller_programs(&host).is_empty() {
            assert!(Instant::now() < until, "it is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(connection);
        asked
    });
    assert_ne!(asked.code, 0, "{asked}");
    asked.says("ended from outside");
    office.hunted(&token);
    office.codchi().ok(&["logout", &host]);
}

pub fn access_says_what_there_is(office: &mut Office) {
    office.trust(true);
    let token = office.token();
    office.login(&token);
    let codchi = office.codchi().clone().env("https_proxy", "http://me:s3cret-pr0xy@proxy.example.org:3128");
    let listed = codchi.ok(&["access", "--json"]);
    assert!(!listed.stdout.contains("s3cret") && !listed.stdout.contains(&token), "{listed}");
    let access = listed.json();
    assert_eq!(access["tokens"][0]["host"], office.git.host(), "{access:#}");
    assert_eq!(access["tokens"][0]["user"], USER, "{access:#}");
    assert_eq!(access["certificates"][0]["subject"], "CN=Office Root", "{access:#}");
    assert_eq!(access["certificates"][0]["expired"], false, "{access:#}");
    assert_eq!(access["proxy"]["https"], "http://proxy.example.org:3128", "{access:#}");
    assert_eq!(access["agent"], serde_json::Value::Null, "{access:#}");
    let shown = codchi.ok(&["access"]);
    shown.says(&office.git.host()).says("CN=Office Root").says("proxy.example.org");
    assert!(!shown.stdout.contains("s3cret"), "{shown}");
    office.codchi().ok(&["logout", &office.git.host()]);
    assert_eq!(office.codchi().ok(&["access", "--json"]).json()["tokens"], serde_json::json!([]));
}

pub fn a_machine_trusts_what_its_host_trusts(office: &mut Office) {
    office.trust(true);
    let repo = office.scene.repo(
        "trusting",
        &[
            ("flake.nix", "{ outputs = _: { nixosModules.trusting = ./module.nix; }; }"),
            (
                "module.nix",
                "{ pkgs, ... }: {
                  codchi.hostSecrets.caCertificates.enable = true;
                  environment.systemPackages = [ pkgs.curl ];
                }",
            ),
        ],
    );
    let codchi = office.codchi().clone().env("https_proxy", "http://proxy.example.org:3128");
    codchi.ok(&["init", "trusting", "--allow", "ca-certificates", &repo.url()]);
    let authority = office.authority.pem();
    let line = authority.lines().nth(1).unwrap();
    let in_shell = |command: &str| codchi.exec("trusting", &["bash", "-lc", command]);
    let curl =
        format!("curl --noproxy '*' -s -o /dev/null -w '%{{http_code}}' https://{}/", office.git.host());
    assert_eq!(in_shell(&curl), "401", "the server was spoken to");
    let alone = format!("env -u CURL_CA_BUNDLE -u SSL_CERT_FILE {curl}; echo \" $?\"");
    assert_ne!(in_shell(&alone), "401 0", "it isn't trusted otherwise");
    let bundle = in_shell("cat \"$SSL_CERT_FILE\"");
    assert!(bundle.contains(line), "the machine's bundle has the authority");
    assert!(in_shell("cat \"$NODE_EXTRA_CA_CERTS\"").contains(line), "Node.js is told");
    assert!(in_shell("echo \"$JAVA_TOOL_OPTIONS\"").contains("trust-store.p12"), "Java is told");
    assert_eq!(
        in_shell("echo \"$https_proxy $HTTPS_PROXY\""),
        ["http://proxy.example.org:3128"; 2].join(" ")
    );
    codchi.ok(&["delete", "trusting", "--yes"]);
}
