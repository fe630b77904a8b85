//! `ctrl-serve git-credential FILE ACTION`: a helper of git (gitcredentials(7)) that answers from the file of one run. It keeps and
//! forgets nothing: what git wants stored or erased is ignored.

use std::io::{self, Read};
use std::path::Path;

/// The longest question.
const LONGEST: u64 = 64 << 10;

/// A name and a token, and what they are for.
#[derive(Debug, serde::Deserialize)]
struct Login {
    /// The server's name, with its port where that isn't the usual one.
    host: String,
    /// First segments of paths.
    owners: Vec<String>,
    user: String,
    secret: String,
}

/// The answer to git's question; empty where nothing is known.
///
/// # Errors
/// When the file or the question can't be read.
pub(crate) fn answer(file: &Path, action: &str, question: &mut dyn Read) -> io::Result<String> {
    if action != "get" {
        return Ok(String::new());
    }
    let mut asked = String::new();
    question.take(LONGEST).read_to_string(&mut asked)?;
    let logins: Vec<Login> = serde_json::from_slice(&std::fs::read(file)?)
        .map_err(|_| io::Error::other("it has an unexpected form"))?;
    Ok(choose(&logins, &asked))
}

fn choose(logins: &[Login], asked: &str) -> String {
    let value = |name: &str| asked.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    // Tokens go over TLS only.
    if value("protocol") != Some("https") {
        return String::new();
    }
    let host = value("host").unwrap_or_default();
    let owner =
        value("path").unwrap_or_default().trim_start_matches('/').split('/').next().unwrap_or_default();
    let owner = decoded(owner);
    let user = value("username");
    let fits = |login: &&Login| {
        login.host.eq_ignore_ascii_case(host)
            && login.owners.contains(&owner)
            && user.is_none_or(|user| user == login.user)
            && !login.user.contains(['\n', '\0'])
            && !login.secret.contains(['\n', '\0'])
    };
    match logins.iter().find(fits) {
        Some(login) => format!("username={}\npassword={}\n", login.user, login.secret),
        None => String::new(),
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *byte == b'%');
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
        out.push(code.unwrap_or(*byte));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins() -> Vec<Login> {
        let login = |host: &str, owner: &str, secret: &str| Login {
            host: host.into(),
            owners: vec![owner.into()],
            user: "me".into(),
            secret: secret.into(),
        };
        vec![login("git.example.org:8443", "acme", "one"), login("git.example.org", "a b", "two\nhost=evil")]
    }

    #[test]
    fn answers_for_host_and_owner_over_tls_only() {
        let ask = |question: &str| choose(&logins(), question);
        let known = "username=me\npassword=one\n";
        assert_eq!(ask("protocol=https\nhost=git.example.org:8443\npath=acme/x.git\n"), known);
        assert_eq!(ask("protocol=https\nhost=git.example.org:8443\npath=acme/x.git\nusername=me\n"), known);
        for question in [
            "protocol=http\nhost=git.example.org:8443\npath=acme/x.git\n",
            "protocol=https\nhost=git.example.org:8443\npath=acmeother/x.git\n",
            "protocol=https\nhost=git.example.org:8443\npath=other/acme/x.git\n",
            "protocol=https\nhost=git.example.org:8443\n",
            "protocol=https\nhost=evil.example.org\npath=acme/x.git\n",
            "protocol=https\nhost=git.example.org:8443\npath=acme/x.git\nusername=other\n",
            "protocol=https\nhost=git.example.org\npath=a%20b/x.git\n",
            "",
        ] {
            assert_eq!(ask(question), "", "{question:?}");
        }
        assert_eq!(decoded("a%20b%zz%"), "a b%zz%");
    }

    #[test]
    fn stores_and_erases_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("logins.json");
        let text = r#"[{"host":"h","owners":["a"],"user":"u","secret":"s"}]"#;
        std::fs::write(&file, text).unwrap();
        let question = || "protocol=https\nhost=h\npath=a/b\n".as_bytes();
        assert_eq!(answer(&file, "get", &mut question()).unwrap(), "username=u\npassword=s\n");
        for action in ["store", "erase", "capability"] {
            assert_eq!(answer(&file, action, &mut question()).unwrap(), "");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}
