//! `ctrl-serve agent-bridge NAME`: a socket of an SSH agent whose messages are carried over stdin and stdout to the host, frame by
//! frame. A frame is a connection's number and a length (32 bits each, big endian) and so many bytes: a message of the agent's protocol
//! without its own length. One without bytes closes the connection; the first one of all, of connection 0, says that the socket is
//! there. When stdin ends, the socket is removed.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::AccessError;
use super::directory::Directory;

/// What OpenSSH takes as the longest message of an agent.
const LONGEST: u32 = 256 << 10;

type Answers = Arc<Mutex<HashMap<u32, Sender<Vec<u8>>>>>;
type Output = Arc<Mutex<dyn Write + Send>>;

/// Listens until stdin ends.
///
/// # Errors
/// When the socket can't be made.
pub(crate) fn bridge(name: &str) -> Result<(), AccessError> {
    let directory = Directory::make(name)?;
    let socket = directory.path().join("agent");
    let refused = |source| AccessError::Directory { path: socket.display().to_string(), source };
    let listener = UnixListener::bind(&socket).map_err(refused)?;
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
    let output: Output = Arc::new(Mutex::new(io::stdout()));
    carry(listener, &mut io::stdin().lock(), &output);
    drop(directory);
    Ok(())
}

/// Serves connections and reads answers until there are no more.
fn carry(listener: UnixListener, input: &mut dyn Read, output: &Output) {
    let answers = Answers::default();
    if write_frame(output, 0, &[]).is_err() {
        return;
    }
    let (accepted, written) = (Arc::clone(&answers), Arc::clone(output));
    thread::spawn(move || {
        for (number, stream) in (1..).zip(listener.incoming()) {
            let Ok(stream) = stream else { continue };
            let (sender, receiver) = channel();
            locked(&accepted).insert(number, sender);
            let (answers, output) = (Arc::clone(&accepted), Arc::clone(&written));
            thread::spawn(move || {
                let _ = serve(number, stream, &receiver, &output);
                locked(&answers).remove(&number);
                let _ = write_frame(&output, number, &[]);
            });
        }
    });
    while let Ok((number, message)) = read_frame(input) {
        // A connection that was closed meanwhile needs no answer.
        let mut answers = locked(&answers);
        if message.is_empty() {
            answers.remove(&number);
        } else if let Some(sender) = answers.get(&number) {
            let _ = sender.send(message);
        }
    }
}

/// One connection: a request, its answer, the next.
fn serve(
    number: u32,
    mut stream: UnixStream,
    answers: &Receiver<Vec<u8>>,
    output: &Output,
) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let request = read_exactly(&mut stream, u32::from_be_bytes(length))?;
        if request.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        write_frame(output, number, &request)?;
        let answer = answers.recv().map_err(io::Error::other)?;
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
    }
}

fn read_frame(input: &mut dyn Read) -> io::Result<(u32, Vec<u8>)> {
    let mut head = [0; 8];
    input.read_exact(&mut head)?;
    let [a, b, c, d, e, f, g, h] = head;
    Ok((u32::from_be_bytes([a, b, c, d]), read_exactly(input, u32::from_be_bytes([e, f, g, h]))?))
}

fn read_exactly(input: &mut dyn Read, length: u32) -> io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    input.read_exact(&mut message)?;
    Ok(message)
}

fn write_frame(output: &Output, number: u32, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    let frame = [&number.to_be_bytes()[..], &length.to_be_bytes(), message].concat();
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    output.write_all(&frame)?;
    output.flush()
}

fn locked(answers: &Answers) -> std::sync::MutexGuard<'_, HashMap<u32, Sender<Vec<u8>>>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_out_and_their_answers_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let (mut host, inside) = UnixStream::pair().unwrap();
        let mut input = inside.try_clone().unwrap();
        let output: Output = Arc::new(Mutex::new(inside));
        let carrying = thread::spawn(move || carry(listener, &mut input, &output));
        assert_eq!(read_frame(&mut host).unwrap(), (0, vec![]), "it listens");

        let say = |stream: &mut UnixStream, message: &[u8]| {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], message].concat()).unwrap();
        };
        let hear = |stream: &mut UnixStream| {
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            read_exactly(stream, u32::from_be_bytes(length)).unwrap()
        };
        let mut first = UnixStream::connect(&socket).unwrap();
        say(&mut first, &[11]);
        let (one, request) = read_frame(&mut host).unwrap();
        let mut second = UnixStream::connect(&socket).unwrap();
        say(&mut second, &[13, 7]);
        let (two, other) = read_frame(&mut host).unwrap();
        assert_eq!((request, other, one != two), (vec![11], vec![13, 7], true));
        let to_host: Output = Arc::new(Mutex::new(host.try_clone().unwrap()));
        write_frame(&to_host, two, &[14]).unwrap();
        write_frame(&to_host, one, &[12, 0]).unwrap();
        assert_eq!((hear(&mut first), hear(&mut second)), (vec![12, 0], vec![14]));
        drop(first);
        assert_eq!(read_frame(&mut host).unwrap(), (one, vec![]), "its end is told");
        // The host can't answer: the connection is closed.
        say(&mut second, &[13, 8]);
        assert_eq!(read_frame(&mut host).unwrap(), (two, vec![13, 8]));
        write_frame(&to_host, two, &[]).unwrap();
        assert_eq!(second.read(&mut [0; 1]).unwrap(), 0);
        host.shutdown(std::net::Shutdown::Write).unwrap();
        carrying.join().unwrap();
    }
}
