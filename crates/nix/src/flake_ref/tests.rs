use proptest::prelude::*;

use super::*;

const REV: &str = "0123456789abcdef0123456789abcdef01234567";

/// `(what is typed, the canonical address)`.
#[test]
fn understands_what_people_write() {
    let long = "a".repeat(64);
    let table: &[(&str, &str)] = &[
        // GitHub
        ("github:o/r", "github:o/r"),
        ("  github:o/r ", "github:o/r"),
        ("GitHub:o/r", "github:o/r"),
        ("github:o/r/main", "github:o/r/main"),
        ("github:o/r/feature/x", "github:o/r/feature/x"),
        ("github:o/r?ref=feature/x", "github:o/r/feature/x"),
        (&format!("github:o/r/{REV}"), &format!("github:o/r/{REV}")),
        (&format!("github:o/r?rev={REV}"), &format!("github:o/r/{REV}")),
        (&format!("github:o/r?ref=main&rev={}", REV.to_uppercase()), &format!("github:o/r/{REV}")),
        ("github:o/r?dir=nix/dev", "github:o/r?dir=nix/dev"),
        ("github:o/r?dir=./nix/", "github:o/r?dir=nix"),
        ("github:o/r?host=github.com", "github:o/r"),
        ("github:o/r?host=GHE.example.com", "github:o/r?host=ghe.example.com"),
        ("github:NixOS/.github", "github:NixOS/.github"),
        ("https://github.com/o/r", "github:o/r"),
        ("https://github.com/o/r/", "github:o/r"),
        ("https://github.com/o/r.git", "github:o/r"),
        ("HTTPS://GitHub.com/O/R.git/", "github:O/R"),
        ("http://www.github.com/o/r", "github:o/r"),
        ("https://github.com:443/o/r", "github:o/r"),
        ("github.com/o/r", "github:o/r"),
        ("https://github.com/o/r?tab=readme-ov-file", "github:o/r"),
        ("https://github.com/o/r#readme", "github:o/r"),
        ("https://github.com/o/r/tree/main", "github:o/r/main"),
        ("https://github.com/o/r/tree/main/nix/dev", "github:o/r/main?dir=nix/dev"),
        ("https://github.com/o/r/blob/main/nix/flake.nix", "github:o/r/main?dir=nix"),
        ("https://github.com/o/r/blob/v1/flake.nix", "github:o/r/v1"),
        (&format!("https://github.com/o/r/commit/{REV}"), &format!("github:o/r/{REV}")),
        ("https://github.com/o/r/releases/tag/v1.0", "github:o/r/v1.0"),
        ("https://github.com/o/r?ref=dev&dir=x", "github:o/r/dev?dir=x"),
        ("https://github.com/o/r/archive/main.tar.gz", "https://github.com/o/r/archive/main.tar.gz"),
        ("git+https://github.com/o/r.git?ref=main", "git+https://github.com/o/r.git?ref=main"),
        ("git@github.com:o/r.git", "git+ssh://git@github.com/o/r.git"),
        ("github.com:o/r.git", "git+ssh://github.com/o/r.git"),
        ("ssh://git@github.com/o/r", "git+ssh://git@github.com/o/r"),
        // GitLab
        ("gitlab:o/r", "gitlab:o/r"),
        ("gitlab:g%2Fs/r/main", "gitlab:g%2Fs/r/main"),
        ("gitlab:g%252Fs/r", "gitlab:g%2Fs/r"),
        ("gitlab:o/r?host=git.example.com&ref=x", "gitlab:o/r/x?host=git.example.com"),
        ("https://gitlab.com/o/r", "gitlab:o/r"),
        ("https://gitlab.com/g/s/t/r.git", "gitlab:g%2Fs%2Ft/r"),
        ("https://gitlab.com/g/s/r/-/tree/main/sub", "gitlab:g%2Fs/r/main?dir=sub"),
        ("https://gitlab.com/o/r/-/tags/v1", "gitlab:o/r/v1"),
        (
            "https://gitlab.com/o/r/-/archive/main/r-main.tar.gz",
            "https://gitlab.com/o/r/-/archive/main/r-main.tar.gz",
        ),
        ("git@gitlab.com:g/s/r.git", "git+ssh://git@gitlab.com/g/s/r.git"),
        // SourceHut
        ("sourcehut:~o/r", "sourcehut:~o/r"),
        ("https://git.sr.ht/~o/r", "sourcehut:~o/r"),
        ("https://git.sr.ht/~o/r/tree/dev", "sourcehut:~o/r/dev"),
        ("https://git.sr.ht/~o/r/tree/dev/item/nix", "sourcehut:~o/r/dev?dir=nix"),
        // other servers
        ("https://codeberg.org/o/r", "git+https://codeberg.org/o/r"),
        ("codeberg.org/o/r.git", "git+https://codeberg.org/o/r.git"),
        ("https://git.example.com:8443/a/b/c.git/", "git+https://git.example.com:8443/a/b/c.git"),
        ("http://git.example.com:80/x", "git+http://git.example.com/x"),
        ("git+https://h/x?ref=refs/tags/v1&submodules=true", "git+https://h/x?ref=refs/tags/v1&submodules=1"),
        ("git+https://h/x?submodules=0", "git+https://h/x"),
        (
            &format!("git+https://h/x?rev={long}&ref=b%C3%BCcher"),
            &format!("git+https://h/x?ref=b%C3%BCcher&rev={long}"),
        ),
        ("https://h/a b/$c", "git+https://h/a%20b/%24c"),
        ("https://h/a%20b", "git+https://h/a%20b"),
        ("https://[::1]:3000/x", "git+https://[::1]:3000/x"),
        ("https://10.0.0.1/x.git", "git+https://10.0.0.1/x.git"),
        ("git://h/x", "git://h/x"),
        ("ssh://h:2222/~me/x", "git+ssh://h:2222/~me/x"),
        ("git+ssh://git@h:22/x", "git+ssh://git@h/x"),
        ("me@h:x/y z?ref=main", "git+ssh://me@h/x/y%20z?ref=main"),
        ("me@h:/abs/x", "git+ssh://me@h/abs/x"),
        // this computer, the controller
        ("/home/me/shop", "git+file:///home/me/shop"),
        ("/home/me/my shop/?ref=dev", "git+file:///home/me/my%20shop?ref=dev"),
        ("/home/me/100%", "git+file:///home/me/100%25"),
        ("file:///home/me/shop", "git+file:///home/me/shop"),
        ("file://localhost/home/me/shop", "git+file:///home/me/shop"),
        ("git+file:/home/me/shop?dir=sub", "git+file:///home/me/shop?dir=sub"),
        ("git+file:///home/me/a%22b", "git+file:///home/me/a%22b"),
        ("path:/instances/shop/home/codchi/shop", "path:/instances/shop/home/codchi/shop"),
        ("path:/a?dir=b", "path:/a?dir=b"),
        // archives
        ("https://h/x.tar.gz", "https://h/x.tar.gz"),
        ("https://h/x.zip?a=1&dir=d", "https://h/x.zip?a=1&dir=d"),
        ("tarball+https://h/download/x", "tarball+https://h/download/x"),
        (
            "https://h/api/group%2Frepo/archive.tar.gz?sha=main",
            "https://h/api/group%2Frepo/archive.tar.gz?sha=main",
        ),
        (
            "https://h/x.tar.gz?narHash=sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D",
            "https://h/x.tar.gz?narHash=sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D",
        ),
    ];
    for (typed, canonical) in table {
        match parse(typed) {
            Ok(flake) => {
                assert_eq!(flake.url(), *canonical, "{typed}");
                assert!(!flake.had_credentials, "{typed}");
                assert_eq!(parse(canonical).unwrap().url(), *canonical, "{canonical} is not a fixpoint");
            }
            Err(error) => panic!("{typed}: {}: {error}", error.code),
        }
    }
}

#[test]
fn refuses_with_a_reason() {
    let table: &[(&str, &str)] = &[
        ("", "empty"),
        ("   ", "empty"),
        ("github:o/r\n", "control_character"),
        ("github:o/r\0", "control_character"),
        ("github:o\u{202e}/r", "control_character"),
        ("https://h/%0a", "control_character"),
        ("--upload-pack=touch /tmp/x", "leading_dash"),
        ("-x", "leading_dash"),
        ("ext::sh -c touch% /tmp/x", "forbidden_transport"),
        ("git+ext::sh -c x", "forbidden_transport"),
        ("fd::17", "forbidden_transport"),
        ("garbage", "not_an_address"),
        ("two words", "not_an_address"),
        ("o/r", "not_an_address"),
        ("nixpkgs", "not_an_address"),
        ("flake:nixpkgs", "registry"),
        ("./x", "relative_path"),
        ("../x", "relative_path"),
        ("~/x", "relative_path"),
        ("path:x", "relative_path"),
        ("path:./x", "relative_path"),
        ("git+file:x", "relative_path"),
        ("file://host/x", "bad_path"),
        ("path://host/x", "bad_path"),
        ("/a/../b", "bad_path"),
        ("/a/%2e%2e/../b", "bad_path"),
        ("https://h/a/%2e%2e/b", "bad_path"),
        ("https://h/a%2fb", "bad_path"),
        ("https://h/x%zz", "bad_encoding"),
        ("https://h/x%ff", "bad_encoding"),
        ("https://h/", "bad_path"),
        ("https://h", "bad_path"),
        ("/", "bad_path"),
        ("github:o", "bad_name"),
        ("github:/r", "bad_name"),
        ("github:o/", "bad_name"),
        ("github:../r", "bad_name"),
        ("github:o/..", "bad_name"),
        ("github:-o/r", "bad_name"),
        ("github:o/-r", "bad_name"),
        ("github:o$/r", "bad_name"),
        ("github:g%2Fs/r", "bad_name"),
        ("sourcehut:o/r", "bad_name"),
        ("https://github.com/o", "bad_path"),
        ("https://github.com/", "bad_path"),
        ("https://github.com/o/r/issues/5", "bad_path"),
        ("https://github.com/../r", "bad_name"),
        ("https://h//-x", "bad_path"),
        ("https://-h/x", "bad_host"),
        ("ssh://-oProxyCommand=x/y", "bad_host"),
        ("git@-oProxyCommand=x:y", "bad_host"),
        ("-oProxyCommand@h:y", "leading_dash"),
        ("git@h:--upload-pack=x", "bad_path"),
        ("ssh://-x@h/y", "bad_user"),
        ("https://h:0/x", "bad_host"),
        ("https://h:99999/x", "bad_host"),
        ("https:///x", "bad_host"),
        ("https:h/x", "bad_host"),
        ("https://bücher.de/x", "bad_host"),
        ("ftp://h/x", "unknown_scheme"),
        ("git+ftp://h/x", "unknown_scheme"),
        ("weird://h/x", "unknown_scheme"),
        ("C:\\Users\\me", "unknown_scheme"),
        ("javascript:alert(1)", "unknown_scheme"),
        ("hg+https://h/x", "unsupported"),
        ("file:///x.tar.gz", "unsupported"),
        ("github:o/r/-x", "bad_ref"),
        ("github:o/r?ref=-x", "bad_ref"),
        ("github:o/r?ref=a..b", "bad_ref"),
        ("github:o/r?ref=a%20b", "bad_ref"),
        ("git+https://h/x?ref=", "bad_ref"),
        ("git+https://h/x?ref=a.lock", "bad_ref"),
        ("git+https://h/x?ref=$(x)", "bad_ref"),
        ("git+https://h/x?ref=b\u{fc}cher~1", "bad_ref"),
        ("github:o/r/a?ref=b", "bad_ref"),
        ("github:o/r?rev=abc", "bad_rev"),
        ("git+https://h/x?rev=main", "bad_rev"),
        ("github:o/r?dir=../x", "bad_dir"),
        ("github:o/r?dir=/x", "bad_dir"),
        ("github:o/r?dir=-x", "bad_dir"),
        ("github:o/r?dir=a//b", "bad_dir"),
        ("github:o/r?branch=x", "bad_parameter"),
        ("github:o/r?dir=a&dir=b", "bad_parameter"),
        ("git+https://h/x?submodules=maybe", "bad_parameter"),
        ("path:/x?narHash=md5-x", "bad_parameter"),
        ("github:o/r#a..b", "bad_attr"),
        ("github:o/r#\"a", "bad_attr"),
    ];
    for (typed, code) in table {
        match parse(typed) {
            Err(error) => assert_eq!(error.code, *code, "{typed}: {error}"),
            Ok(flake) => panic!("{typed} became {}", flake.url()),
        }
    }
    assert_eq!(parse(&format!("github:o/{}", "r".repeat(3000))).unwrap_err().code, "too_long");
}

#[test]
fn leaves_credentials_out() {
    let table: &[(&str, &str)] = &[
        ("https://me:SECRET@github.com/o/r", "github:o/r"),
        ("https://SECRET@github.com/o/r.git", "github:o/r"),
        ("https://oauth2:SECRET@gitlab.com/g/s/r", "gitlab:g%2Fs/r"),
        ("https://me:p@SECRET@h/x", "git+https://h/x"),
        ("git+https://SECRET:x-oauth-basic@h/x", "git+https://h/x"),
        ("ssh://git:SECRET@h/x", "git+ssh://git@h/x"),
        ("https://me:SECRET@h/x.tar.gz", "https://h/x.tar.gz"),
        ("https://h/x.tar.gz?access_token=SECRET&a=1", "https://h/x.tar.gz?a=1"),
        ("https://h/x.tar.gz?X-Amz-Signature=SECRET", "https://h/x.tar.gz"),
        ("https://gitlab.com/o/r?private_token=SECRET", "gitlab:o/r"),
        ("github:o/r?access_token=SECRET", "github:o/r"),
        ("git+https://h/x?ref=main&token=SECRET", "git+https://h/x?ref=main"),
    ];
    for (typed, canonical) in table {
        let flake = parse(typed).unwrap();
        assert_eq!(flake.url(), *canonical);
        assert!(flake.had_credentials, "{typed}");
        assert!(!format!("{flake:?}").contains("SECRET"), "{flake:?}");
    }
    for typed in [
        "https://me:S3CR3T@-h/x",
        "https://me:S3CR3T@h/../x",
        "https://me:S3CR3T@github.com/o",
        "me:S3CR3T@h:o/r",
        "me:S3CR3T@github.com/o/r",
        "S3CR3T:x@h/y",
        "S3CR3T://h/x",
        "S3CR3T::x",
        "github:S3CR3T@o/r",
        "github:me:S3CR3T@o/r",
        "github:o/r?S3CR3T",
        "github:o/r?S3CR3T=x&branch=S3CR3T",
        "git+https://h/x?ref=S3CR3T..",
        "https://me:S3CR3T@h/x#a..S3CR3T",
        "S3CR3T",
    ] {
        let error = parse(typed).unwrap_err();
        assert!(!error.reason.to_lowercase().contains("s3cr3t"), "{typed}: {error}");
        let told = serde_json::to_string(&describe(typed)).unwrap();
        assert!(!told.to_lowercase().contains("s3cr3t"), "{told}");
    }
}

#[test]
fn tells_the_attribute() {
    let attr = |typed: &str| parse(typed).unwrap().attr;
    assert_eq!(attr("github:o/r"), None);
    assert_eq!(attr("github:o/r#"), None);
    assert_eq!(attr("github:o/r#hello"), Some(vec!["hello".into()]));
    assert_eq!(attr("/x#nixosModules.\"a b\""), Some(vec!["nixosModules".into(), "a b".into()]));
    assert_eq!(attr("https://h/x?ref=m#a.%22b%20c%22"), Some(vec!["a".into(), "b c".into()]));
}

#[test]
fn pins_in_the_form_that_each_kind_takes() {
    let pin = |typed: &str, pin: Pin| parse(typed).unwrap().pinned(&pin).map(|flake| flake.url());
    assert_eq!(pin("github:o/r/x", Pin::Branch("main".into())).unwrap(), "github:o/r/main");
    assert_eq!(pin("github:o/r", Pin::Tag("v1".into())).unwrap(), "github:o/r/v1");
    assert_eq!(pin("github:o/r?dir=d", Pin::Rev(REV.into())).unwrap(), format!("github:o/r/{REV}?dir=d"));
    assert_eq!(pin("/x", Pin::Branch("main".into())).unwrap(), "git+file:///x?ref=main");
    assert_eq!(pin("/x", Pin::Tag("v1".into())).unwrap(), "git+file:///x?ref=refs/tags/v1");
    assert_eq!(pin("https://h/x", Pin::Rev(REV.into())).unwrap(), format!("git+https://h/x?rev={REV}"));
    assert_eq!(pin("path:/x", Pin::Branch("main".into())).unwrap_err().code, "not_versioned");
    assert_eq!(pin("/x", Pin::Branch("-x".into())).unwrap_err().code, "bad_ref");
}

#[test]
fn nix_is_given_what_it_understands() {
    let nix = |typed: &str| parse(typed).unwrap().nix_url();
    assert_eq!(nix("https://gitlab.com/g/s/t/r/-/tree/main/a"), "gitlab:g%252Fs%252Ft/r/main?dir=a");
    assert_eq!(nix("gitlab:o/r?dir=a"), "gitlab:o/r?dir=a");
    assert_eq!(nix("github:o/r"), "github:o/r");
}

#[test]
fn describes_for_scripts() {
    let json = |typed: &str| serde_json::to_value(describe(typed)).unwrap();
    insta::assert_json_snapshot!([
        json("https://me:pw@github.com/o/r/tree/main/nix#nixosModules.\"a b\""),
        json("gitlab:g%2Fs/r?host=git.example.com"),
        json(&format!("git@h:o/r.git?rev={REV}&ref=dev")),
        json("/home/me/shop"),
        json("path:/x"),
        json("https://h:8080/x.tar.gz"),
        json("ext::sh -c x"),
    ]);
}

/// Addresses with all kinds of things in all kinds of places.
fn address() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec![
        "",
        "github:",
        "gitlab:",
        "sourcehut:~",
        "https://",
        "https://github.com/",
        "https://gitlab.com/",
        "https://git.sr.ht/~",
        "http://",
        "git+https://",
        "git+ssh://",
        "ssh://",
        "git+file://",
        "file://",
        "/",
        "path:",
        "tarball+https://",
        "git@",
        "git://",
    ]);
    let piece = prop_oneof![
        6 => "[a-z]{1,6}",
        2 => prop::sample::select(vec![
            "/", "/", "/", ":", "@", "?", "&", "=", "#", "..", ".", "-", "%20", "%2F", "%2f", "%41", "%e2%82%ac", "ref=",
            "rev=", "dir=", "$", "\"", "'", "\\", "`", ";", "|", " ", "{", "+", "~", ".git", ".tar.gz", "tree", "-/",
            "[::1]", ":80", "ü", "host=", "submodules=1", "token=x", "//", "refs/tags/",
        ]).prop_map(str::to_owned),
        1 => "\\PC",
        1 => "[0-9a-f]{40}",
    ];
    (scheme, prop::collection::vec(piece, 0..12))
        .prop_map(|(scheme, pieces)| format!("{scheme}{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn what_is_understood_is_safe_and_canonical(typed in address()) {
        if let Ok(flake) = parse(&typed) {
            let url = flake.url();
            prop_assert!(!url.starts_with('-'));
            prop_assert!(url.is_ascii() && !url.contains(['"', '\'', '\\', '$', '`', ' ', '\n', '\0', '#', ';', '|', '<', '>', '{', '}']), "{url}");
            let again = match parse(&url) {
                Ok(again) => again,
                Err(error) => return Err(TestCaseError::fail(format!("{typed} became {url}, which is refused: {error}"))),
            };
            prop_assert_eq!(again.url(), url);
            prop_assert_eq!(again, FlakeRef { attr: None, had_credentials: false, ..flake });
        }
    }

    #[test]
    fn never_panics(typed in "(?s).{0,200}") {
        let _ = serde_json::to_string(&describe(&typed)).unwrap();
    }

    #[test]
    fn a_password_never_comes_back(
        scheme in prop::sample::select(vec!["https", "http", "git+https", "ssh", "git+ssh", "tarball+https"]),
        user in "[a-z]{0,5}",
        rest in "[a-z0-9./?#&=:@%-]{0,40}",
    ) {
        let typed = format!("{scheme}://{user}:S3CR3T@{rest}");
        // A second '@' in the host part makes what stands before it part of the password.
        let told = serde_json::to_string(&describe(&typed)).unwrap();
        prop_assert!(!told.contains("S3CR3T"), "{}", told);
    }
}
