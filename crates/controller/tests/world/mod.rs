//! A controller over the engine in memory and a scripted Nix, in directories of its own.
#![allow(dead_code, unreachable_pub, reason = "each suite uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use codchi_controller::{
    Controller, Dialogue, NewMachine, Parts,
    access::{Access, NoUserAccess, Server, Transport, UserAccess},
    activity::{Activity, ActivityKind, ActivityState, LogLevel, LogLine},
    driver::{Image, fake::Fake, fake::FakeProcess},
    event::Event,
    files::Paths,
    host::{Host, RecordedHost},
    images::{ImageFile, ImageSet},
    machine::{MachineName, MachineSpec},
    nix::{
        ClosureDiff, Evaluation, Generation, Nix, NixError, OfferedModule, OfferedNixpkgs, Repository,
        Requirements, Run, Source, SourceError, StorePath,
    },
    operation::{Door, Operation, OperationId},
    secret::{
        Asks, SecretStore, StoreKind,
        memory::{MemorySealer, MemoryStore},
    },
};
use futures::StreamExt as _;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Notify,
};

/// A controller with everything around it.
pub struct World {
    pub directory: tempfile::TempDir,
    pub driver: Fake,
    pub nix: Arc<FakeNix>,
    /// The keyring and the vault.
    pub stores: [Arc<MemoryStore>; 2],
    /// The computer that it runs on, with its files in `host/`.
    pub host: Arc<RecordedHost>,
    pub controller: Arc<Controller>,
    /// What was brought to the controller.
    pub brought: Brought,
    user: Arc<dyn UserAccess>,
}

/// What `ctrl-serve host` read, in order.
pub type Brought = Arc<Mutex<Vec<String>>>;

/// Nix as the test scripts it.
#[derive(Default)]
pub struct FakeNix {
    pub state: Mutex<NixState>,
    pub builds: AtomicUsize,
    /// While set, a build waits until it is notified or cancelled.
    pub gate: Mutex<Option<Arc<Notify>>>,
}

#[derive(Default)]
pub struct NixState {
    /// Which commit the repository has.
    pub commit: u32,
    pub build_error: Option<fn() -> NixError>,
    pub evaluation_error: Option<fn() -> NixError>,
    pub generations: Vec<Generation>,
    /// They belong to several machines: removing one keeps them.
    pub keep_generations: bool,
    /// What the modules ask for.
    pub requirements: Requirements,
    /// How often an operation let go of its derivation.
    pub released: u32,
    /// Whom nothing was forgotten of when the rest was.
    pub remembered: Option<BTreeSet<MachineName>>,
    /// Which repositories weren't forgotten when the others were.
    pub repositories: Option<BTreeSet<String>>,
    /// What the last look at a repository could use.
    pub used: String,
}

impl FakeNix {
    pub fn state(&self) -> std::sync::MutexGuard<'_, NixState> {
        self.state.lock().unwrap()
    }
}

fn lock_of(commit: u32) -> String {
    format!(
        r#"{{"root":"root","nodes":{{"root":{{"inputs":{{"m0":"m0"}}}},"m0":{{"locked":{{"rev":"rev-{commit}"}}}}}}}}"#
    )
}

#[async_trait]
impl Nix for FakeNix {
    fn parse_source(&self, input: &str, _: Option<(&str, String)>) -> Result<Source, SourceError> {
        Ok(Source { url: input.into(), attr: None, had_credentials: false })
    }
    fn server(&self, url: &str) -> Option<Server> {
        let (scheme, rest) = url.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let transport = if scheme == "https" { Transport::Https } else { Transport::Plain };
        let owner = path.split('/').next()?.to_owned();
        Some(Server { transport, host: host.into(), owner, path: path.into(), forge: None, archive: false })
    }
    async fn modules(&self, source: &Source, run: Run<'_>) -> Result<Repository, NixError> {
        self.state().used = format!("{:?}", run.access);
        let module = |name: &str| OfferedModule {
            attr: format!("nixosModules.{name}"),
            path: vec!["nixosModules".into(), name.into()],
            name: name.into(),
            description: None,
            error: None,
        };
        let modules = match source.url.as_str() {
            "empty" => vec![],
            "many" => vec![module("a"), module("b")],
            _ => vec![module("hello")],
        };
        Ok(Repository {
            url: source.url.clone(),
            rev: None,
            modules,
            nixpkgs: OfferedNixpkgs::default(),
            problems: vec![],
        })
    }
    async fn inputs_unchanged(&self, _: &MachineSpec, lock: &str, _: &Access) -> bool {
        lock == lock_of(self.state().commit)
    }
    async fn resolve(
        &self,
        _: &MachineName,
        _: &MachineSpec,
        lock: Option<&str>,
        update: bool,
        _: Run<'_>,
    ) -> Result<String, NixError> {
        match lock {
            Some(lock) if !update => Ok(lock.into()),
            _ => Ok(lock_of(self.state().commit)),
        }
    }
    async fn evaluate(&self, _: &MachineName, _: &MachineSpec, _: Run<'_>) -> Result<Evaluation, NixError> {
        let (error, requirements) = {
            let state = self.state();
            (state.evaluation_error, state.requirements.clone())
        };
        match error {
            Some(error) => Err(error()),
            None => Ok(Evaluation { requirements, derivation: StorePath("/nix/store/system.drv".into()) }),
        }
    }
    async fn build(&self, _: &MachineName, _: &StorePath, run: Run<'_>) -> Result<StorePath, NixError> {
        self.builds.fetch_add(1, Ordering::SeqCst);
        let mut activity = Activity {
            id: 1,
            parent: None,
            kind: ActivityKind::Build,
            name: "system".into(),
            state: ActivityState::Running,
            phase: None,
            started: None,
            ended: None,
            bytes: 0,
            bytes_expected: 0,
        };
        run.observer.activity(&activity);
        run.observer.log(LogLine { activity: Some(1), level: LogLevel::Output, text: "building".into() });
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            tokio::select! {
                () = gate.notified() => {}
                () = run.cancel.cancelled() => return Err(NixError::Cancelled),
            }
        }
        let (error, commit) = {
            let state = self.state();
            (state.build_error, state.commit)
        };
        activity.end(error.is_none());
        run.observer.activity(&activity);
        match error {
            Some(error) => Err(error()),
            None => Ok(StorePath(format!("/nix/store/system-{commit}"))),
        }
    }
    async fn install(&self, _: &MachineName, system: &StorePath) -> Result<Generation, NixError> {
        let mut state = self.state();
        if let Some(current) = state.generations.iter().find(|g| g.current && g.system == *system) {
            return Ok(current.clone());
        }
        state.generations.iter_mut().for_each(|g| g.current = false);
        let number = state.generations.len() as u64 + 1;
        let generation =
            Generation { number, system: system.clone(), created: OffsetDateTime::UNIX_EPOCH, current: true };
        state.generations.push(generation.clone());
        Ok(generation)
    }
    async fn generations(&self, _: &MachineName) -> Result<Vec<Generation>, NixError> {
        Ok(self.state().generations.clone())
    }
    async fn set_generation(&self, _: &MachineName, number: u64) -> Result<(), NixError> {
        self.state().generations.iter_mut().for_each(|g| g.current = g.number == number);
        Ok(())
    }
    async fn copy_generations(&self, _: &MachineName, _: &MachineName) -> Result<(), NixError> {
        Ok(())
    }
    async fn diff(&self, _: &StorePath, _: &StorePath) -> Result<ClosureDiff, NixError> {
        Ok(ClosureDiff::default())
    }
    async fn release(&self, _: &MachineName) -> Result<(), NixError> {
        self.state().released += 1;
        Ok(())
    }
    async fn release_all(&self) -> Result<(), NixError> {
        Ok(())
    }
    async fn forget(&self, _: &MachineName) -> Result<(), NixError> {
        let mut state = self.state();
        if !state.keep_generations {
            state.generations.clear();
        }
        Ok(())
    }
    async fn forget_others(&self, machines: &BTreeSet<MachineName>) -> Result<(), NixError> {
        self.state().remembered = Some(machines.clone());
        Ok(())
    }
    async fn forget_repositories(&self, but: &[MachineSpec]) -> Result<(), NixError> {
        let urls = but.iter().flat_map(|spec| &spec.modules).map(|module| module.url.clone());
        self.state().repositories = Some(urls.collect());
        Ok(())
    }
}

/// The machine's side: comes up, switches, has no failed units.
pub async fn machine(mut process: FakeProcess) -> i32 {
    let argv: Vec<&str> = process.spec.argv.iter().map(String::as_str).collect();
    let (out, code): (&[u8], i32) = match argv.as_slice() {
        ["/bin/ctrl-serve", "wait-ready" | "roots", ..] => (b"", 0),
        ["/bin/ctrl-serve", "health"] => {
            (br#"{"ready":true,"nix":"2.26.3","daemon":{"state":"running"}}"#, 0)
        }
        ["/.codchi/ctrl-serve", "wait-up", ..] => (b"running\n", 0),
        ["systemctl", "list-units", ..] => (b"", 0),
        [program, "switch"] if program.ends_with("switch-to-configuration") => (b"switching\n", 0),
        _ => (b"", 127),
    };
    process.stdout.write_all(out).await.unwrap();
    code
}

/// The controller's side as well: it takes what is brought.
async fn controller_or_machine(mut process: FakeProcess, brought: Brought) -> i32 {
    if process.spec.argv == ["/bin/ctrl-serve", "host"] {
        let mut settings = String::new();
        process.stdin.read_to_string(&mut settings).await.unwrap();
        brought.lock().unwrap().push(settings);
        return 0;
    }
    machine(process).await
}

impl World {
    pub fn new() -> Self {
        Self::of(Arc::new(NoUserAccess))
    }

    /// One whose user has this access to servers.
    pub fn of(user: Arc<dyn UserAccess>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let driver = Fake::new();
        let brought = Brought::default();
        let told = Arc::clone(&brought);
        driver.on_exec(move |process| controller_or_machine(process, Arc::clone(&told)));
        let nix = Arc::new(FakeNix::default());
        let stores = [StoreKind::Keyring, StoreKind::Vault].map(|kind| Arc::new(MemoryStore::new(kind)));
        let host = Arc::new(RecordedHost::new(directory.path().join("host")));
        let controller =
            controller(directory.path(), &driver, &nix, &stores, Arc::clone(&user), host.clone());
        Self { directory, driver, nix, stores, host, controller, brought, user }
    }

    /// Another process with the same files and engine.
    pub fn another_process(&self) -> Arc<Controller> {
        self.on_host(self.host.clone())
    }

    /// The same on another computer.
    pub fn on_host(&self, host: Arc<dyn Host>) -> Arc<Controller> {
        controller(self.directory.path(), &self.driver, &self.nix, &self.stores, Arc::clone(&self.user), host)
    }

    pub fn config(&self) -> std::path::PathBuf {
        self.directory.path().join("config")
    }

    /// What is known of a machine besides what is wanted, as it is written.
    pub fn record(&self, name_: &str) -> serde_json::Value {
        let path = self.directory.path().join(format!("data/machines/{name_}.json"));
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    pub async fn init(&self, name_: &str) -> Operation {
        let operation = self.controller.init(new(name_, "repo"), Door::CommandLine).await.unwrap();
        self.end(operation.id).await
    }

    /// What an operation waits for.
    pub async fn waits_for(&self, id: OperationId) -> Asks {
        let events = self.controller.follow(id).unwrap();
        let asks = events.filter_map(async |event| match event {
            Event::OperationChanged { operation } => operation.asks,
            _ => None,
        });
        std::pin::pin!(asks).next().await.expect("it waits")
    }

    pub async fn end(&self, id: OperationId) -> Operation {
        let events: Vec<Event> = self.controller.follow(id).unwrap().collect().await;
        match events.last() {
            Some(Event::OperationChanged { operation }) => operation.clone(),
            other => panic!("the last event was {other:?}"),
        }
    }
}

fn controller(
    directory: &Path,
    driver: &Fake,
    nix: &Arc<FakeNix>,
    stores: &[Arc<MemoryStore>; 2],
    user: Arc<dyn UserAccess>,
    host: Arc<dyn Host>,
) -> Arc<Controller> {
    let paths = Paths { config: directory.join("config"), data: directory.join("data") };
    Controller::new(Parts {
        paths,
        images: Some(images(directory)),
        driver: Arc::new(driver.clone()),
        nix: Arc::clone(nix) as Arc<dyn Nix>,
        stores: stores.iter().map(|store| Arc::clone(store) as Arc<dyn SecretStore>).collect(),
        sealer: Arc::new(MemorySealer),
        user,
        host,
    })
    .unwrap()
}

/// Empty tars with their right sha256.
fn images(directory: &Path) -> ImageSet {
    let path = directory.join("empty.tar");
    std::fs::write(&path, b"").unwrap();
    let file = |name: &str| ImageFile {
        path: path.clone(),
        image: Image {
            name: name.into(),
            sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
            size: 0,
        },
    };
    ImageSet { release: "test".into(), controller: file("controller"), machine: file("machine") }
}

pub fn name(name: &str) -> MachineName {
    MachineName::new(name).unwrap()
}

pub fn new(name_: &str, url: &str) -> NewMachine {
    NewMachine {
        name: name(name_),
        source: Some(Source { url: url.into(), attr: None, had_credentials: false }),
        modules: vec![],
        nixpkgs: None,
        driver: None,
        start: true,
        dialogue: Dialogue::default(),
    }
}
