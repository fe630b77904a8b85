//! The files by which nix, git, SSH and curl are told what they may use, and the variables that name them. Pure.

use codchi_controller::access::{Access, Credential, ForgeKind, SshPlace};
use serde::Serialize;
use zeroize::Zeroizing;

/// What a program finds.
pub(super) struct Files {
    /// By name, below the directory of the run.
    pub(super) files: Vec<(&'static str, Zeroizing<String>)>,
    /// Paths and what is public, by name.
    pub(super) variables: Vec<(String, String)>,
}

/// What `ctrl-serve git-credential` reads.
#[derive(Serialize)]
struct Login<'a> {
    host: &'a str,
    owners: &'a [String],
    user: &'a str,
    secret: &'a str,
}

/// What `ctrl-serve git-ssh` reads.
#[derive(Serialize)]
struct Place<'a> {
    host: &'a str,
    owners: &'a [String],
}

/// Everything for a run whose files lie in `directory`; `agent` is the agent's socket there.
pub(super) fn render(access: &Access, directory: &str, agent: Option<&str>) -> Files {
    let mut files = Vec::new();
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut git = Zeroizing::new(String::new());
    if !access.credentials.is_empty() {
        let logins: Vec<Login<'_>> = access.credentials.iter().filter_map(login).collect();
        files.push(("logins.json", Zeroizing::new(serde_json::to_string(&logins).unwrap_or_default())));
        // An empty helper forgets those that were configured before.
        git.push_str(&format!(
            "[credential]\n\tuseHttpPath = true\n\thelper =\n\thelper = /bin/ctrl-serve git-credential {directory}/logins.json\n"
        ));
        // Beside the settings of all that runs in the controller; `netrc` beside it is read by itself.
        let tokens: Vec<Zeroizing<String>> = access.credentials.iter().filter_map(access_token).collect();
        let mut conf = Zeroizing::new(String::from("include /etc/nix/nix.conf\n"));
        if !tokens.is_empty() {
            conf.push_str("access-tokens =");
            for token in &tokens {
                conf.push(' ');
                conf.push_str(token);
            }
            conf.push('\n');
        }
        files.push(("nix.conf", conf));
        let netrc = netrc(&access.credentials);
        if !netrc.is_empty() {
            files.push(("netrc", netrc));
        }
        variables.push(("NIX_CONF_DIR".into(), directory.into()));
    }
    let proxy = &access.proxy;
    if !proxy.is_empty() {
        let own = proxy.https.as_ref().or(proxy.all.as_ref()).or(proxy.http.as_ref());
        if let Some(own) = own.filter(|_| proxy.has_credentials()).and_then(|address| quoted(address)) {
            git.push_str("[http]\n\tproxy = ");
            git.push_str(&own);
            git.push('\n');
        }
        let public = proxy.variables(true).into_iter();
        variables.extend(public.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    if !git.is_empty() {
        files.push(("git.config", git));
        variables.push(("GIT_CONFIG_GLOBAL".into(), format!("{directory}/git.config")));
    }
    if !access.ssh.is_empty() {
        files.push(("known_hosts", Zeroizing::new(access.known_hosts.clone())));
        let places: Vec<Place<'_>> =
            access.ssh.iter().map(|SshPlace { host, owners }| Place { host, owners }).collect();
        files.push(("ssh.json", Zeroizing::new(serde_json::to_string(&places).unwrap_or_default())));
        variables.push(("GIT_SSH_COMMAND".into(), ssh(directory, agent)));
        // Told, git needn't find out how the program takes its arguments.
        variables.push(("GIT_SSH_VARIANT".into(), "ssh".into()));
    }
    Files { files, variables }
}

/// `directory` and `agent` are paths of ours, without any character that a shell reads specially.
fn ssh(directory: &str, agent: Option<&str>) -> String {
    let known = format!("{directory}/known_hosts");
    let mut options = vec![
        "BatchMode=yes".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "UpdateHostKeys=no".to_owned(),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        format!("UserKnownHostsFile={known}"),
        format!("IdentityAgent={}", agent.unwrap_or("none")),
    ];
    options.extend(["ForwardAgent=no".to_owned(), "ConnectTimeout=20".to_owned()]);
    format!(
        "/bin/ctrl-serve git-ssh {directory}/ssh.json ssh -F none {} --",
        options.iter().map(|option| format!("-o{option}")).collect::<Vec<_>>().join(" ")
    )
}

fn text(credential: &Credential) -> Option<&str> {
    std::str::from_utf8(credential.secret.expose()).ok()
}

fn login(credential: &Credential) -> Option<Login<'_>> {
    let Credential { host, owners, user, .. } = credential;
    Some(Login { host, owners, user, secret: text(credential)? })
}

/// What Nix takes for a forge, as its `access-tokens` want it.
fn access_token(credential: &Credential) -> Option<Zeroizing<String>> {
    let (host, token) = (&credential.host, text(credential).filter(|token| is_word(token))?);
    Some(Zeroizing::new(match credential.forge? {
        ForgeKind::Github | ForgeKind::Sourcehut => format!("{host}={token}"),
        ForgeKind::Gitlab if credential.user == "oauth2" && !token.starts_with("glpat-") => {
            format!("{host}=OAuth2:{token}")
        }
        ForgeKind::Gitlab => format!("{host}=PAT:{token}"),
    }))
}

/// For archives, and only for servers from which the user named one: its form has neither protocols nor ports nor paths, so what reads it
/// sends the token to whatever runs on that server. It has no way to write a space either.
fn netrc(credentials: &[Credential]) -> Zeroizing<String> {
    let mut netrc = Zeroizing::new(String::new());
    for credential in credentials.iter().filter(|credential| credential.archive) {
        let host = credential.host.split(':').next().unwrap_or_default();
        let Some(token) = text(credential).filter(|token| is_word(token) && is_word(&credential.user)) else {
            continue;
        };
        netrc.push_str(&format!("machine {host} login {} password ", credential.user));
        netrc.push_str(token);
        netrc.push('\n');
    }
    netrc
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#'))
}

/// A value of git's configuration; `None` for what it can't hold.
fn quoted(value: &str) -> Option<Zeroizing<String>> {
    if value.contains(|c: char| c.is_control()) {
        return None;
    }
    let escaped = Zeroizing::new(value.replace('\\', "\\\\").replace('"', "\\\""));
    Some(Zeroizing::new(format!("\"{}\"", escaped.as_str())))
}

#[cfg(test)]
mod tests {
    use codchi_controller::{
        access::{CredentialOrigin, Proxy},
        secret::SecretValue,
    };

    use super::*;

    const TOKEN: &str = "t0p-s3cret-token";

    fn credential(host: &str, forge: Option<ForgeKind>, user: &str, token: &str) -> Credential {
        Credential {
            origin: CredentialOrigin::Token,
            host: host.into(),
            owners: vec!["acme".into()],
            forge,
            archive: host == "files.example.org",
            user: user.into(),
            secret: SecretValue::new(token).unwrap(),
        }
    }

    fn file<'a>(files: &'a Files, name: &str) -> &'a str {
        files.files.iter().find(|(file, _)| *file == name).map_or("", |(_, text)| text.as_str())
    }

    #[test]
    fn variables_have_no_secret_and_files_have_all() {
        let access = Access {
            credentials: vec![
                credential("github.com", Some(ForgeKind::Github), "x", TOKEN),
                credential("gitlab.com", Some(ForgeKind::Gitlab), "oauth2", TOKEN),
                credential("git.example.org:8443", None, "me", TOKEN),
                credential("files.example.org", None, "me", TOKEN),
                credential("strange.example.org", Some(ForgeKind::Github), "me", "a b\" # c"),
            ],
            known_hosts: "host ssh-ed25519 AAAA\n".into(),
            ssh: vec![SshPlace { host: "host:2222".into(), owners: vec!["acme".into()] }],
            proxy: Proxy {
                https: Some(format!("http://me:{TOKEN}\"@proxy:3128")),
                http: Some("http://open:3128".into()),
                no: Some("localhost".into()),
                ..Proxy::NONE
            },
            agent: None,
        };
        let files = render(&access, "/run/codchi/access/1", Some("/run/codchi/access/2/agent"));
        assert!(files.variables.iter().all(|(_, value)| !value.contains(TOKEN)), "{:?}", files.variables);
        assert_eq!(
            file(&files, "nix.conf"),
            format!(
                "include /etc/nix/nix.conf\naccess-tokens = github.com={TOKEN} gitlab.com=OAuth2:{TOKEN}\n"
            )
        );
        assert_eq!(
            file(&files, "netrc"),
            format!("machine files.example.org login me password {TOKEN}\n"),
            "it would be sent in the clear and to any port"
        );
        assert!(file(&files, "logins.json").contains(r#""host":"git.example.org:8443","owners":["acme"]"#));
        assert!(file(&files, "logins.json").contains(r#""secret":"a b\" # c""#));
        let proxy = format!("[http]\n\tproxy = \"http://me:{TOKEN}\\\"@proxy:3128\"\n");
        assert!(file(&files, "git.config").ends_with(&proxy), "{}", file(&files, "git.config"));
        let variable = |name: &str| {
            files
                .variables
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, value)| value.as_str())
                .unwrap_or_default()
        };
        assert_eq!((variable("http_proxy"), variable("https_proxy")), ("http://open:3128", ""));
        assert_eq!(variable("NIX_CONF_DIR"), "/run/codchi/access/1");
        let command = variable("GIT_SSH_COMMAND");
        assert!(command.starts_with("/bin/ctrl-serve git-ssh /run/codchi/access/1/ssh.json ssh -F none "));
        assert!(command.ends_with(" --"), "git's own arguments follow");
        assert_eq!(file(&files, "ssh.json"), r#"[{"host":"host:2222","owners":["acme"]}]"#);
        assert!(variable("GIT_SSH_COMMAND").contains("-oIdentityAgent=/run/codchi/access/2/agent"));
        assert!(
            variable("GIT_SSH_COMMAND").contains("-oUserKnownHostsFile=/run/codchi/access/1/known_hosts")
        );
    }

    #[test]
    fn what_is_not_there_makes_no_file() {
        let proxy = Proxy { http: Some("http://open:3128".into()), ..Proxy::NONE };
        let files = render(&Access { proxy, ..Access::default() }, "/d", None);
        assert!(files.files.is_empty());
        assert_eq!(files.variables.len(), 2);
        let ssh = vec![SshPlace { host: "h".into(), owners: vec!["acme".into()] }];
        let known_hosts = Access { known_hosts: "x".into(), ssh, ..Access::default() };
        let files = render(&known_hosts, "/d", None);
        assert_eq!((files.files.len(), files.variables.len()), (2, 2));
        assert!(files.variables[0].1.contains("-oIdentityAgent=none"));
    }
}
