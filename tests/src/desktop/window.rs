//! The app's window, driven as a user drives it, through WebKit's own WebDriver.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element, key::Key};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use super::{Desktop, PATIENCE, eventually, log};
use crate::process::{Process, children, family};

/// What runs between the test and the app.
const DRIVER: &str = "WebKitWebDriver";

/// A driven run of the app.
pub struct Window {
    client: Client,
    driver: Process,
    began: Instant,
}

impl Window {
    /// Starts the app and takes hold of its window.
    ///
    /// # Panics
    /// When there is no window in time.
    pub async fn open(desktop: &Desktop, program: &Path, args: &[&str]) -> Self {
        let port = free_port();
        let mut command = desktop.command(DRIVER);
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.stdout(log(desktop.dir(), "driver.out")).stderr(log(desktop.dir(), "app"));
        let driver = Process::spawn(&mut command);
        eventually("the WebDriver's port", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let capabilities = json!({
            "webkitgtk:browserOptions": { "binary": program, "args": args },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is one") };
        let began = Instant::now();
        let mut client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        let server = format!("http://127.0.0.1:{port}");
        // It waits for ever for an app that ends without a window.
        let session = client.capabilities(capabilities).connect(&server);
        let client = match tokio::time::timeout(PATIENCE, session).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => panic!("{error}\n{}", said(desktop)),
            Err(_) => panic!("no window in time\n{}", said(desktop)),
        };
        Self { client, driver, began }
    }

    /// The app's process.
    ///
    /// # Panics
    /// When it has ended.
    pub fn id(&self) -> u32 {
        *children(self.driver.id()).first().expect("the app runs")
    }

    /// Since the app was started.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until an element says this, among other things.
    ///
    /// # Panics
    /// When it doesn't in time.
    pub async fn wait_for_text(&self, css: &str, text: &str) {
        self.wait_for_any(css, &[text]).await;
    }

    /// Waits until an element says one of these. Returns which.
    ///
    /// # Panics
    /// When it doesn't in time.
    pub async fn wait_for_any<'a>(&self, css: &str, texts: &[&'a str]) -> &'a str {
        self.wait_long_for_any(css, texts, PATIENCE).await
    }

    /// The same for what may take so long.
    ///
    /// # Panics
    /// When it takes longer.
    pub async fn wait_long_for_any<'a>(&self, css: &str, texts: &[&'a str], patience: Duration) -> &'a str {
        let begin = Instant::now();
        loop {
            let said = self.said(css).await.unwrap_or_default();
            if let Some(found) = texts.iter().find(|text| said.contains(**text)) {
                return found;
            }
            if begin.elapsed() > patience {
                let page = self.said("body").await.unwrap_or_default();
                panic!("{css} doesn't say any of {texts:?} within {patience:?}. The page:\n{page}");
            }
            tokio::time::sleep(super::LOOK).await;
        }
    }

    /// What the first element says now; `None` while there is none.
    pub async fn said(&self, css: &str) -> Option<String> {
        let script =
            "const found = document.querySelector(arguments[0]); return found ? found.innerText : null";
        self.run(script, vec![css.into()]).await.as_str().map(str::to_owned)
    }

    /// Clicks the button, link or entry of this name.
    ///
    /// # Panics
    /// When it can't be clicked in time.
    pub async fn choose(&self, name: &str) {
        let xpath = named(name);
        self.press(Locator::XPath(&xpath), name).await;
    }

    /// Clicks the first element.
    ///
    /// # Panics
    /// When it can't be clicked in time.
    pub async fn click(&self, css: &str) {
        self.press(Locator::Css(css), css).await;
    }

    /// How many elements there are.
    ///
    /// # Panics
    /// When the window is gone.
    pub async fn count(&self, css: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.run(script, vec![css.into()]).await.as_u64().unwrap_or_default()
    }

    /// Replaces what is in the field with this label.
    ///
    /// # Panics
    /// When there is no such field in time.
    pub async fn fill(&self, label: &str, text: &str) {
        let label = quoted(label);
        let xpath = format!("//input[@aria-label={label} or @id=//label[normalize-space()={label}]/@for]");
        let field = self.locate(Locator::XPath(&xpath)).await;
        field.click().await.unwrap();
        // As a user does it; a page that keeps the text itself wouldn't see it being emptied otherwise.
        let all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
        field.send_keys(&all).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Runs a script in the page.
    ///
    /// # Panics
    /// When it throws, or the window is gone.
    pub async fn run(&self, script: &str, args: Vec<Value>) -> Value {
        self.client.execute(script, args).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Where the page is.
    ///
    /// # Panics
    /// When the window is gone.
    pub async fn path(&self) -> String {
        self.run("return location.pathname", vec![]).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page is there.
    ///
    /// # Panics
    /// When it isn't in time.
    pub async fn wait_for_path(&self, holds: impl Fn(&str) -> bool) -> String {
        eventually("the page's path", async || Some(self.path().await).filter(|path| holds(path))).await
    }

    /// Keeps pictures of the window in both themes, as `target/screenshots/NAME-{light,dark}.png`.
    ///
    /// # Panics
    /// When they can't be made.
    pub async fn picture(&self, name: &str) {
        let kept = self.run("return document.documentElement.dataset.theme ?? null", vec![]).await;
        for theme in ["light", "dark"] {
            self.set_theme(&theme.into()).await;
            let path = screenshots().join(format!("{name}-{theme}.png"));
            std::fs::write(path, self.client.screenshot().await.unwrap()).unwrap();
        }
        self.set_theme(&kept).await;
    }

    /// Takes hold of the window again after it was closed and opened.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn take_hold(&self) {
        eventually("a window to take hold of", async || {
            let handle = self.client.windows().await.ok()?.pop()?;
            self.client.switch_to_window(handle).await.ok()
        })
        .await;
    }

    /// Ends the session, and the app with it.
    ///
    /// # Panics
    /// When the driver is gone.
    pub async fn close(self) {
        self.client.clone().close().await.unwrap();
    }

    async fn set_theme(&self, theme: &Value) {
        // Colours that change by a transition would be caught in the middle of it.
        let script = "const [theme, done] = arguments, root = document.documentElement;
            root.style.setProperty('transition', 'none');
            if (theme === null) delete root.dataset.theme; else root.dataset.theme = theme;
            const settled = () => Promise.all(document.getAnimations().filter(a => a instanceof CSSTransition).map(a => a.finished));
            requestAnimationFrame(() => requestAnimationFrame(() => settled().then(done, done)));";
        self.client.execute_async(script, vec![theme.clone()]).await.unwrap();
    }

    async fn locate(&self, locator: Locator<'_>) -> Element {
        let begin = Instant::now();
        loop {
            match self.client.wait().at_most(PATIENCE).every(super::LOOK).for_element(locator).await {
                Ok(element) => return element,
                // It was found, and drawn anew before it could be told.
                Err(error) if error.is_stale_element_reference() && begin.elapsed() < PATIENCE => {}
                Err(error) => {
                    let page = self.said("body").await.unwrap_or_default();
                    panic!("no {locator:?}: {error}. The page:\n{page}")
                }
            }
        }
    }

    async fn press(&self, locator: Locator<'_>, what: &str) {
        let begin = Instant::now();
        loop {
            // The page may draw it anew between two requests; then it is looked for again.
            let element = self.locate(locator).await;
            let waits = element.attr("aria-disabled").await.ok().flatten().as_deref() == Some("true");
            let clicked = if waits { None } else { element.click().await.ok() };
            if clicked.is_some() {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{what} can't be clicked");
            tokio::time::sleep(super::LOOK).await;
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // After a failure the session is still open and the app would outlive its driver.
        for id in family(self.driver.id()).into_iter().skip(1) {
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// What can be clicked and has this name, or this name and the keys for it.
fn named(name: &str) -> String {
    let name = quoted(name);
    let kinds = "self::button or self::a or self::summary or @role='button' or @role='link' or @role='tab' or \
                 @role='menuitem' or @role='option' or @role='checkbox' or @role='radio'";
    let exact = format!("//*[{kinds}][@aria-label={name} or normalize-space()={name}]");
    let with_keys = format!("//*[{kinds}][.//kbd][starts-with(normalize-space(), {name})]");
    format!("{exact} | {with_keys}")
}

/// An XPath string. No name here has both kinds of quotes.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn screenshots() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let target =
        program.ancestors().find(|path| path.join("CACHEDIR.TAG").exists()).expect("the target directory");
    let directory = target.join("screenshots");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn said(desktop: &Desktop) -> String {
    std::fs::read_to_string(desktop.dir().join("app.log")).unwrap_or_default()
}
