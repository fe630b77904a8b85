//! The session's sockets: agent, display, sound.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    process::{Command, Stdio},
};

use codchi_tests::hunt::Hunt;
use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ConnectionExt as _, ImageFormat},
    rust_connection::{DefaultStream, RustConnection},
};

use crate::session::{ASKING, COOKIE_KIND, PLAIN, Running, Session};

/// How many values a second the tone has.
const RATE: usize = 44_100;

/// The tone's frequency.
const TONE: usize = 441;

pub fn the_agents_keys_are_listed(session: &mut Session) {
    session.asking();
    let keys = session.sh(ASKING, "ssh-add -l");
    assert!(keys.contains("first") && keys.contains("ED25519"), "{keys}");
    // Its user changes their mind, and again, while it runs.
    session.codchi.ok(&["rebuild", ASKING, "--deny", "ssh-agent"]);
    session.sh_fails(ASKING, "ssh-add -l");
    session.codchi.ok(&["rebuild", ASKING, "--allow", "ssh-agent"]);
    assert_eq!(session.sh(ASKING, "ssh-add -l"), keys);
    session.plain();
    let none = session.sh_fails(PLAIN, "ssh-add -l");
    assert!(none.contains("Could not open a connection"), "{none}");
}

pub fn an_agent_that_moves_is_followed(session: &mut Session) {
    session.asking();
    let started = session.sh(ASKING, "cat /proc/1/stat | cut -d' ' -f22");
    // The machine runs on while its user logs out and in again.
    let next = session.codchi.clone().env("SSH_AUTH_SOCK", session.runtime().join("again"));
    let _agent = session.agent("again", "second");
    session.end_first_agent();
    session.sh_fails(ASKING, "ssh-add -l");
    next.ok(&["exec", ASKING, "--", "true"]);
    let keys = session.sh(ASKING, "ssh-add -l");
    assert!(keys.contains("second"), "{keys}");
    assert_eq!(session.sh(ASKING, "cat /proc/1/stat | cut -d' ' -f22"), started, "nothing was restarted");
}

pub fn a_window_is_drawn_on_the_hosts_display(session: &mut Session) {
    session.asking();
    let program = env!("CARGO_BIN_EXE_draw-on-display");
    for machine in [ASKING, PLAIN] {
        session.plain();
        let place = format!("codchi-{machine}/home/codchi/draw");
        session.scene.world.client(&["file", "push", "--mode=0755", program, &place]);
    }
    let connect = |cookie: &[u8]| {
        let stream = UnixStream::connect(format!("/tmp/.X11-unix/X{}", session.display)).unwrap();
        let (stream, _) = DefaultStream::from_unix_stream(stream).unwrap();
        let (kind, cookie) = (COOKIE_KIND.to_vec(), cookie.to_vec());
        RustConnection::connect_to_stream_with_auth_info(stream, 0, kind, cookie)
    };
    assert!(connect(&[0; 16]).is_err(), "this server wants its cookie");
    let pixel = || {
        let connection = connect(&session.cookie).unwrap();
        let root = connection.setup().roots[0].root;
        let image = connection.get_image(ImageFormat::Z_PIXMAP, root, 8, 8, 1, 1, u32::MAX).unwrap();
        let data = image.reply().unwrap().data;
        [data[2], data[1], data[0]]
    };
    assert_ne!(pixel(), [0xff, 0x88, 0x00]);
    let mut draw = session.codchi.command(session.scene.world.dir().join("bin/codchi"));
    draw.args(["exec", ASKING, "--", "./draw", "ff8800"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut draw = Running::new(&mut draw);
    let mut said = [0; 5];
    draw.child().stdout.take().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"drawn");
    assert_eq!(pixel(), [0xff, 0x88, 0x00], "the host sees what the machine draws");
    draw.child().stdin.take().unwrap().flush().unwrap();
    session.sh_fails(PLAIN, "./draw ff8800 </dev/null");
}

pub fn the_displays_cookie_is_in_the_machine_that_asks_and_nowhere_else(session: &mut Session) {
    session.asking();
    session.plain();
    assert_eq!(session.sh(ASKING, "echo $XAUTHORITY"), "/run/codchi/x-authority");
    assert_eq!(session.sh(ASKING, "stat -L -c %U:%a:%s $XAUTHORITY"), "codchi:400:44");
    // Whoever lets programs in by the cookie asks for it by no name of a computer.
    let hex: String = session.cookie.iter().map(|byte| format!("{byte:02x}")).collect();
    let inside = session.sh(ASKING, "od -An -v -tx1 $XAUTHORITY | tr -d ' \n'");
    assert!(inside.starts_with("ffff00000000") && inside.ends_with(&hex), "{inside}");
    session.sh(PLAIN, "test -z \"$XAUTHORITY\" && ! sudo test -e /run/codchi/x-authority");

    let hunt = Hunt::new(&[("the display's cookie", &session.cookie)]);
    let sampling = hunt.sample();
    session.codchi.ok(&["restart", ASKING]);
    sampling.found_nothing();
    assert!(session.sh(ASKING, "cat $XAUTHORITY | wc -c") == "44", "it is brought at each start");
}

pub fn a_tone_is_heard_on_the_hosts_sound_server(session: &mut Session) {
    session.asking();
    let server = format!("unix:{}", session.runtime().join("pulse/native").display());
    let mut record = Command::new("parec");
    record.args([
        "--server",
        &server,
        "--device",
        "heard.monitor",
        "--raw",
        "--format=s16le",
        "--channels=1",
    ]);
    record.arg(format!("--rate={RATE}")).stdout(Stdio::piped());
    let mut record = Running::new(&mut record);
    let mut heard = record.child().stdout.take().unwrap();

    let tone: Vec<u8> = (0..2 * RATE)
        .flat_map(|at| {
            let turns = (at * TONE) as f64 / RATE as f64;
            (((turns * std::f64::consts::TAU).sin() * 12_000.0) as i16).to_le_bytes()
        })
        .collect();
    let play = format!("pacat --raw --format=s16le --channels=1 --rate={RATE}");
    let machine = session.codchi.clone();
    let player = std::thread::spawn(move || {
        let mut argv = vec!["exec", ASKING, "--"];
        argv.extend(play.split(' '));
        machine.run_with(&argv, &tone)
    });
    // Silence until it plays.
    let mut value = [0; 2];
    let mut silence = 0;
    while i16::from_le_bytes(value).unsigned_abs() < 6_000 {
        assert!(silence < 60 * RATE, "nothing is heard");
        heard.read_exact(&mut value).unwrap();
        silence += 1;
    }
    let mut second = vec![0; RATE];
    heard.read_exact(&mut second).unwrap();
    let values: Vec<i16> = second.chunks(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    // A computer that is busy leaves gaps, so the usual length of a wave counts, not their number.
    let rises: Vec<usize> = (1..values.len()).filter(|&at| values[at - 1] < 0 && values[at] >= 0).collect();
    let mut lengths: Vec<usize> = rises.windows(2).map(|pair| pair[1] - pair[0]).collect();
    lengths.sort_unstable();
    assert!(lengths.len() > 20, "{} waves are no tone", lengths.len());
    let usual = lengths[lengths.len() / 2];
    assert!(usual.abs_diff(RATE / TONE) <= 2, "waves of {usual} values are no tone of {TONE} Hz");
    let outcome = player.join().unwrap();
    assert_eq!(outcome.code, 0, "{outcome}");

    session.plain();
    session.sh_fails(PLAIN, "pactl info");
}
