use proptest::prelude::*;

use super::*;

fn value(bytes: impl AsRef<[u8]>) -> SecretValue {
    SecretValue::new(bytes.as_ref()).unwrap()
}

fn has(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn known_values_are_masked_in_every_form() {
    let redactor = Redactor::new([&value("s3cr3t/ü \"x\"\nsecond line\n")]);
    for (text, masked) in [
        ("it is s3cr3t/ü \"x\"\nsecond line\n.", "it is •••."),
        ("s3cr3t/ü \"x\" and second line", "••• and •••"),
        (r#"{"a":"s3cr3t/ü \"x\"\nsecond line\n"}"#, r#"{"a":"•••"}"#),
        (r#"{"a":"s3cr3t\/ü \"x\"\nsecond line\n"}"#, r#"{"a":"•••"}"#),
        (r#"{"a":"s3cr3t/\u00fc \"x\"\nsecond line\n"}"#, r#"{"a":"•••"}"#),
        ("?a=s3cr3t%2F%C3%BC%20%22x%22%0Asecond%20line%0A&b", "?a=•••&b"),
        ("?a=s3cr3t%2f%c3%bc%20%22x%22%0asecond%20line%0a&b", "?a=•••&b"),
        ("?a=s3cr3t%2F%C3%BC+%22x%22%0Asecond+line%0A&b", "?a=•••&b"),
        ("s3cr3t/ and second", "s3cr3t/ and second"),
    ] {
        assert_eq!(redactor.text(text), masked);
    }
    let redactor = Redactor::new([&value("hunter2hunter2")]);
    for text in ["aHVudGVyMmh1bnRlcjI=", "aHVudGVyMmh1bnRlcjI"] {
        assert_eq!(redactor.text(text), MASK);
    }
    // As `USER:TOKEN` of a header, and with a line end after it.
    for text in ["dTpodW50ZXIyaHVudGVyMg==", "eHU6aHVudGVyMmh1bnRlcjI=", "aHVudGVyMmh1bnRlcjIK"] {
        let masked = redactor.text(text);
        assert!(masked.contains(MASK) && masked.len() <= 16, "{text}: {masked}");
    }
    assert_eq!(Redactor::new([&value("abc")]).text("abc"), "abc", "too short");
}

#[test]
fn values_that_overlap_leave_nothing_of_each_other() {
    let redactor = Redactor::new([&value("aaaabbbb"), &value("bbbbcccccccc"), &value("bbbb")]);
    assert_eq!(redactor.text("x aaaabbbbcccccccc y bbbb"), "x ••• y •••");
}

#[test]
fn the_largest_value_is_masked_as_a_whole_and_where_it_is_cut() {
    let large: String = (0..4000).map(|number| format!("value {number:09}")).collect::<String>();
    let redactor = Arc::new(Redactor::new([&value(&large)]));
    let text = format!("before {large} after");
    assert_eq!(redactor.text(&text), "before ••• after");
    assert_eq!(redactor.text(&format!("before {}…", &large[..3000])), "before •••…");
    assert_eq!(
        String::from_utf8(streamed(&redactor, text.as_bytes(), &[5000, 100, 1])).unwrap(),
        "before ••• after"
    );
}

#[test]
fn what_looks_like_a_token_is_masked() {
    let redactor = Redactor::default();
    for (text, masked) in [
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345 used", "token ••• used"),
        ("github_pat_11AAAAAAA0123456789_abcdefghijklmnop", "•••"),
        ("glpat-abcdefGHIJ_0123-xyz", "•••"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key •••."),
        ("xoxb-123456789012-abcdef", "•••"),
        ("authorization: Bearer abc.def", "authorization: Bearer •••"),
        ("{\"Authorization\": \"Basic dXNlcjpwYXNz\"}", "{\"Authorization\": \"Basic •••\"}"),
        (
            "fetch https://me:pa55@git.example/x and https://ok.example:80/x@y",
            "fetch https://•••@git.example/x and https://ok.example:80/x@y",
        ),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4", "•••"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY-----•••-----END RSA PRIVATE KEY-----\n",
        ),
    ] {
        assert_eq!(redactor.text(text), masked);
        assert_eq!(redactor.text(masked), masked, "once is enough");
    }
    for text in [
        "copying path '/nix/store/00000000000000000000000000000000-glpat-tool-1.0' from 'https://cache.nixos.org'",
        "git+ssh://git@github.com/acme/shop",
        "ghp_ is a prefix",
        "Basic functionality",
        "-----BEGIN CERTIFICATE-----\nMIIE\n",
        "authorization failed",
        "http://[::1]:8080/a@b",
    ] {
        assert!(
            matches!(redactor.text(text), Cow::Borrowed(same) if same == text),
            "{text}: {}",
            redactor.text(text)
        );
    }
}

#[test]
fn the_lines_of_a_key_are_found_by_who_prints_them() {
    let mut keys = Keys::default();
    let lines = [
        (1, "-----BEGIN OPENSSH PRIVATE KEY-----", false),
        (2, "hello", false),
        (1, "b3BlbnNzaC1rZXk", true),
        (2, "world", false),
        (1, "-----END OPENSSH PRIVATE KEY-----", false),
        (1, "after", false),
    ];
    for (activity, line, is_key) in lines {
        assert_eq!(keys.has(Some(activity), line), is_key, "{line}");
    }
    assert!(!keys.has(None, "-----BEGIN PRIVATE KEY-----"));
    let hidden = (0..1000).filter(|_| keys.has(None, "no end")).count();
    assert!((300..500).contains(&hidden), "{hidden}");
}

#[test]
fn a_stream_holds_back_only_what_may_be_secret() {
    let mut stream = RedactedStream::new(Arc::new(Redactor::new([&value("hunter2")])));
    assert_eq!(stream.feed(b"plain text, "), b"plain text, ");
    assert_eq!(stream.feed(b"then hun"), b"then ");
    assert_eq!(stream.feed(b"ger, hunte"), b"hunger, ");
    assert_eq!(stream.feed(b"r2!"), "•••!".as_bytes());
    assert_eq!(stream.feed(b"hunt"), b"");
    assert_eq!(stream.finish(), b"hunt");
}

/// Feeds `text` in chunks of these sizes, and the rest at once.
fn streamed(redactor: &Arc<Redactor>, text: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut stream = RedactedStream::new(Arc::clone(redactor));
    let (mut out, mut rest) = (Vec::new(), text);
    for &size in sizes {
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        out.extend(stream.feed(chunk));
        rest = after;
    }
    out.extend(stream.feed(rest));
    out.extend(stream.finish());
    out
}

fn secret() -> impl Strategy<Value = Vec<u8>> {
    let any = prop::collection::vec(any::<u8>(), SHORTEST..60);
    let text = "[ -~ü\n]{4,40}".prop_map(String::into_bytes);
    // Bytes of the mask would be found in it.
    prop_oneof![any, text, "[ab]{4,12}".prop_map(String::into_bytes)]
        .prop_filter("not of the mask", |value| !has(MASK.repeat(20).as_bytes(), value))
}

proptest! {
    #[test]
    fn no_form_survives_whatever_the_chunks(
        secrets in prop::collection::vec(secret(), 1..4),
        between in prop::collection::vec("[ -~\n]{0,20}", 4),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 3),
        sizes in prop::collection::vec(0..30_usize, 0..20),
    ) {
        let values: Vec<_> = secrets.iter().map(value).collect();
        let redactor = Arc::new(Redactor::new(&values));
        let all: Vec<Vec<u8>> = redactor.forms.iter().map(|form| form.bytes().to_vec()).collect();
        let mut text = between[0].clone().into_bytes();
        for (pick, between) in picks.iter().zip(&between[1..]) {
            text.extend(pick.get(&all));
            text.extend(between.as_bytes());
        }
        for masked in [redactor.bytes(&text).into_owned(), streamed(&redactor, &text, &sizes)] {
            for form in &all {
                // A form may begin or end as the mask does.
                if !has(MASK.as_bytes(), &form[..1]) && !has(MASK.as_bytes(), &form[form.len() - 1..]) {
                    prop_assert!(!has(&masked, form), "{:?} in {:?}", String::from_utf8_lossy(form), String::from_utf8_lossy(&masked));
                }
            }
        }
    }

    #[test]
    fn text_without_secrets_is_unchanged(
        text in "[ -9;-DF-~ü\n]{0,200}",
        sizes in prop::collection::vec(0..30_usize, 0..20),
    ) {
        let redactor = Arc::new(Redactor::new([&value("a canary that is in no text EEEE")]));
        prop_assume!(matches!(redactor.text(&text), Cow::Borrowed(_)));
        prop_assert_eq!(String::from_utf8(streamed(&redactor, text.as_bytes(), &sizes)).unwrap(), text);
    }

    #[test]
    fn a_stream_masks_as_a_whole_does(
        shape in prop::sample::select(vec![
            "ghp_0123456789abcdefghijABCDEFGHIJ012345", "Authorization: Bearer abc.def", "https://me:pa55@git.example/x",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\n", "AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
        ]),
        sizes in prop::collection::vec(0..12_usize, 0..30),
    ) {
        let redactor = Arc::new(Redactor::default());
        let text = format!("before {shape} after\n");
        let whole = redactor.text(&text).into_owned();
        prop_assert_eq!(String::from_utf8(streamed(&redactor, text.as_bytes(), &sizes)).unwrap(), whole);
    }
}
