//! An X client for machines: fills the corner of the display that `DISPLAY` names with the colour given as `RRGGBB`, says `drawn`, and
//! stays until its stdin ends. It needs no library but the C one.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::io::Read as _;

use anyhow::Context as _;
use x11rb::{
    connection::Connection as _,
    protocol::xproto::{ConnectionExt as _, CreateWindowAux, WindowClass},
    wrapper::ConnectionExt as _,
};

fn main() -> anyhow::Result<()> {
    let colour = std::env::args().nth(1).context("which colour?")?;
    let colour = u32::from_str_radix(&colour, 16)?;
    let (connection, screen) = x11rb::connect(None)?;
    let root = connection.setup().roots.get(screen).context("no screen")?;
    let window = connection.generate_id()?;
    let look = CreateWindowAux::new().background_pixel(colour).override_redirect(1);
    let (depth, visual) = (root.root_depth, root.root_visual);
    connection.create_window(
        depth,
        window,
        root.root,
        0,
        0,
        64,
        64,
        0,
        WindowClass::INPUT_OUTPUT,
        visual,
        &look,
    )?;
    connection.map_window(window)?;
    connection.sync()?;
    println!("drawn");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
