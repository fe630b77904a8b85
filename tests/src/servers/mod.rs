//! Servers of a company, made for one test: private git repositories over HTTPS with an authority of their own and over SSH, and the
//! network's proxy. They are real programs and real protocols, on free ports.

mod https;
mod proxy;
mod ssh;

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

pub use https::{Authority, GitServer};
pub use proxy::ConnectProxy;
pub use ssh::{Agent, SshServer};

/// Accepts connections in a thread of its own until it is dropped.
struct Listening {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    fn new(ip: IpAddr, serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a free port");
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (ended, serve) = (Arc::clone(&over), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), serve) = (stream, Arc::clone(&serve)) else { continue };
                // What a client does wrong is its own to tell.
                std::thread::spawn(move || drop(serve(stream)));
            }
        });
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it; where its address is gone, it ends with this process.
        if let (Ok(_), Some(thread)) =
            (TcpStream::connect_timeout(&self.address, Duration::from_secs(1)), self.thread.take())
        {
            let _ = thread.join();
        }
    }
}
