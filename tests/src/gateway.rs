//! A way to the engine that stops at one request, so that a test meets a program in the middle of it and not by luck.

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use codchi_driver_lxd::Flavour;

use crate::{cli::Codchi, world::World};

/// How long a program may take to come to the request. Far more than any needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The engine never hears of it.
    Before,
    /// The engine has done it; the program never hears of that.
    After,
}

/// A socket before the engine's. Everything passes, but for the first request that begins so: it stays where it is held.
pub struct Gateway {
    socket: PathBuf,
    flavour: Flavour,
    reached: mpsc::Receiver<()>,
}

/// What the gateway's threads know.
struct Rule {
    engine: PathBuf,
    request: String,
    held: Held,
    /// Whether the engine has heard of the request, and is waited for.
    heard: AtomicBool,
    reached: mpsc::Sender<()>,
}

impl Gateway {
    /// In this world; `request` is how its first line begins, such as `DELETE /1.0/instances/`.
    ///
    /// # Panics
    /// When the socket can't be made.
    pub fn new(world: &World, request: &str, held: Held) -> Self {
        let socket = world.dir().join("gateway.socket");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let (sender, reached) = mpsc::channel();
        let rule = Arc::new(Rule {
            engine: world.socket(),
            request: request.to_owned(),
            held,
            heard: AtomicBool::new(false),
            reached: sender,
        });
        // Ends with the test program: a listener can't be told to.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let rule = Arc::clone(&rule);
                thread::spawn(move || rule.pass(&client));
            }
        });
        Self { socket, flavour: world.flavour(), reached }
    }

    /// A `codchi` that goes this way.
    pub fn through(&self, codchi: &Codchi) -> Codchi {
        let variable = match self.flavour {
            Flavour::Lxd => "LXD_SOCKET",
            Flavour::Incus => "INCUS_SOCKET",
        };
        codchi.clone().env(variable, &self.socket)
    }

    /// Waits until the request is held.
    ///
    /// # Panics
    /// When it doesn't come.
    pub fn wait(&self) {
        self.reached.recv_timeout(PATIENCE).expect("the request that is to be held");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

impl Rule {
    /// Passes everything on in both directions until one of them ends or the request comes.
    fn pass(&self, client: &UnixStream) {
        let Ok(engine) = UnixStream::connect(&self.engine) else { return };
        let (mut from_engine, mut to_client) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
        let (mut from_client, mut to_engine) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
        let (holding, is_held) = mpsc::channel();
        let reached = self.reached.clone();
        let answers = thread::spawn(move || {
            let mut chunk = [0; 64 * 1024];
            while let Ok(length @ 1..) = from_engine.read(&mut chunk) {
                if is_held.try_recv().is_ok() {
                    let _ = reached.send(());
                    return;
                }
                if to_client.write_all(&chunk[..length]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let mut chunk = [0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut chunk) {
            // A client sends the head of a request in one piece, and the next one only after the answer.
            let chunk = &chunk[..length];
            let is_it = chunk.starts_with(self.request.as_bytes());
            if is_it && self.held == Held::Before {
                let _ = self.reached.send(());
                break;
            }
            // What takes the engine a while is an operation, whose end is asked for.
            if self.heard.load(Ordering::Relaxed) && chunk.starts_with(b"GET /1.0/operations/") {
                let _ = holding.send(());
            }
            self.heard.fetch_or(is_it, Ordering::Relaxed);
            if to_engine.write_all(chunk).is_err() {
                break;
            }
        }
        // Whoever is held hears nothing more; it ends by itself or by the test's hand.
        if self.held == Held::Before {
            let _ = from_client.read(&mut chunk);
        }
        let _ = engine.shutdown(Shutdown::Both);
        let _ = answers.join();
    }
}
