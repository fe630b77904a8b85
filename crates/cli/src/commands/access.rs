//! `codchi login`, `logout` and `access`: what can be used to fetch repositories that not everybody sees.

use codchi_api::types::{Nothing, TokenArgs, TokenSetArgs};
use codchi_controller::{
    access::AccessStatus,
    failure::FailureCode,
    secret::{MAX_BYTES, SecretValue},
};

use crate::{
    app::App,
    asking,
    exit::{Exit, Stop, failure},
    show::{
        table::{Cell, Column, Table},
        text::{Tone, count, moment, printable},
    },
    signals::unless_ended,
};

/// Keeps a token for a host. It is asked for on a terminal, else read from stdin.
#[derive(Debug, clap::Args)]
pub(crate) struct LoginArgs {
    /// The host, such as github.com or git.example.org:8443
    #[arg(value_name = "HOST")]
    host: String,
    /// Your user name there; needed only where a token alone isn't enough
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Forgets a token.
#[derive(Debug, clap::Args)]
pub(crate) struct LogoutArgs {
    /// The host
    #[arg(value_name = "HOST")]
    host: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows what there is.
#[derive(Debug, clap::Args)]
pub(crate) struct AccessArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn login(app: &App, args: LoginArgs) -> Result<Exit, Stop> {
    let LoginArgs { host, user, json } = args;
    let token = if app.screen.stdin_is_terminal {
        app.open_store().await?;
        match asking::passphrase(app, &format!("Token for {}: ", printable(&host))).await? {
            Some(token) => token,
            None => return Ok(Exit::CANCELLED),
        }
    } else {
        from_stdin(app).await?
    };
    let access = app.api.token_set(TokenSetArgs { host: host.clone(), user, token }).await?;
    if json {
        app.screen.stdout.json(&access);
    } else {
        app.screen.stdout.line(format_args!("The token for {} is kept.", printable(&host)));
    }
    Ok(Exit::DONE)
}

/// One line; its end doesn't belong to the token.
async fn from_stdin(app: &App) -> Result<SecretValue, Stop> {
    // Room for the end of the line, and one more than there may be, so that what is too long is refused and not cut.
    let read = unless_ended(app.screen.stdin.rest(MAX_BYTES + 3)).await?;
    let bytes = read.map_err(|error| {
        let mut why = failure(FailureCode::Failed, "can't read the token from stdin", None);
        why.causes.push(error.to_string());
        Stop::from(why)
    })?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    SecretValue::new(line)
        .map_err(|error| Stop::usage(format!("that can't be a token: {error}"), "nothing was changed"))
}

pub(crate) async fn logout(app: &App, args: LogoutArgs) -> Result<Exit, Stop> {
    let access = app.api.token_remove(TokenArgs { host: args.host.clone() }).await?;
    if args.json {
        app.screen.stdout.json(&access);
    } else {
        app.screen.stdout.line(format_args!("There is no token for {} any more.", printable(&args.host)));
    }
    Ok(Exit::DONE)
}

pub(crate) async fn show(app: &App, args: &AccessArgs) -> Result<Exit, Stop> {
    let access = app.api.access(Nothing {}).await?;
    if args.json {
        app.screen.stdout.json(&access);
    } else {
        print(app, &access);
    }
    Ok(Exit::DONE)
}

fn print(app: &App, access: &AccessStatus) {
    let stdout = &app.screen.stdout;
    let rows = |table: &Table<3>| stdout.lines(table.lines(stdout.paint, stdout.width()));
    if access.tokens.is_empty() {
        stdout.line("No tokens are kept; `codchi login HOST` keeps one.");
    } else {
        let mut table =
            Table::new([Column::whole("TOKEN FOR"), Column::shrinking("USER"), Column::whole("SINCE")]);
        for token in &access.tokens {
            table.row([
                Cell::new(&token.host, Tone::Strong),
                Cell::new(&token.user, Tone::Plain),
                Cell::new(moment(token.changed), Tone::Plain),
            ]);
        }
        rows(&table);
    }
    stdout.line("");
    match access.agent {
        Some(agent) => {
            let keys = usize::try_from(agent.keys).unwrap_or(usize::MAX);
            stdout.line(format_args!("SSH agent: {}", count(keys, "key", "keys")));
        }
        None => stdout.line("SSH agent: none"),
    }
    let proxy = &access.proxy;
    let named =
        [("http", &proxy.http), ("https", &proxy.https), ("all", &proxy.all), ("none for", &proxy.no)];
    let named: Vec<String> = named
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", printable(value.as_deref()?))))
        .collect();
    let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    stdout.line(format_args!("Proxy: {named}"));
    if access.certificates.is_empty() {
        stdout.line("Certificate authorities beyond the usual ones: none");
        return;
    }
    stdout.line("");
    let mut table = Table::new([
        Column::shrinking("CERTIFICATE AUTHORITY"),
        Column::whole("EXPIRES"),
        Column::shrinking("FROM"),
    ]);
    for certificate in &access.certificates {
        let tone = if certificate.expired { Tone::Bad } else { Tone::Plain };
        table.row([
            Cell::new(&certificate.subject, Tone::Strong),
            Cell::new(moment(certificate.expires), tone),
            Cell::new(&certificate.source, Tone::Quiet),
        ]);
    }
    rows(&table);
}
