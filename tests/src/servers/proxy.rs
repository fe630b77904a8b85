//! A proxy that passes on what `CONNECT` asks for, and counts.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{IpAddr, Shutdown, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::Listening;

/// A proxy.
pub struct ConnectProxy {
    listening: Listening,
    seen: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    /// Listens at this address; lets in everybody, or only who says who it is.
    pub fn new(ip: IpAddr, demands: bool) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let listening = Listening::new(ip, move |stream| serve(stream, demands, &all));
        Self { listening, seen }
    }

    /// Its address, with what is to stand before the host (`me:password@`, or nothing).
    pub fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}", self.listening.address)
    }

    /// Takes the connections since the last call: hosts with ports.
    ///
    /// # Panics
    /// Never.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn serve(client: TcpStream, demands: bool, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, to) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let mut is_known = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("proxy-authorization") {
            is_known = !value.trim().is_empty();
        }
    }
    let mut client = client;
    if method != "CONNECT" {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    }
    if demands && !is_known {
        return client.write_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
    seen.lock().unwrap().push(to.clone());
    let server = TcpStream::connect(&to)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut to_server, mut from_server) = (server.try_clone()?, server);
    let mut to_client = client.try_clone()?;
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    // What came with the request's last line is in the reader.
    let _ = io::copy(&mut reader, &mut to_server);
    let _ = to_server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}
