//! A subnet for a bridge that this computer doesn't route yet. The engines' own choice (`auto`) asks the network whether anybody
//! answers, and gives up where a router answers for everybody.

use super::engines;
use crate::host::Host;

/// The second number of the addresses that are tried; private ones that few use.
const SECOND: u32 = 83;

/// The bridge's address in a subnet of 256 that overlaps no route; `auto` where all are taken.
pub(super) fn free(host: &dyn Host) -> String {
    let routes = routes(&engines::read(host, "/proc/net/route"));
    let network = |third: u32| (10 << 24) | (SECOND << 16) | (third << 8);
    let is_free = |third: &u32| {
        let wanted = network(*third);
        // They overlap when they are the same as far as the wider one says.
        routes.iter().all(|(route, mask)| wanted & (mask & 0xffff_ff00) != route & (mask & 0xffff_ff00))
    };
    (0..=255).find(is_free).map_or_else(|| "auto".to_owned(), |third| format!("10.{SECOND}.{third}.1/24"))
}

/// Destinations and masks, but for the way to everywhere else.
fn routes(text: &str) -> Vec<(u32, u32)> {
    // Four bytes in the network's order, printed as a number of this computer.
    let number = |field: &str| Some(u32::from_be_bytes(u32::from_str_radix(field, 16).ok()?.to_ne_bytes()));
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        Some((number(fields.get(1)?)?, number(fields.get(7)?)?))
    };
    text.lines().filter_map(route).filter(|(_, mask)| *mask != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::Tree;

    #[test]
    fn what_is_routed_is_left_alone() {
        let tree = Tree::new();
        assert_eq!(free(&tree.host()), "10.83.0.1/24");
        let line = |destination: [u8; 4], mask: [u8; 4]| {
            let number = |bytes| u32::from_ne_bytes(bytes);
            format!(
                "eth0\t{:08X}\t00000000\t0001\t0\t0\t0\t{:08X}\t0\t0\t0\n",
                number(destination),
                number(mask)
            )
        };
        let heading = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
        let everywhere = line([0; 4], [0; 4]);
        let file = |routes: &str| tree.file("/proc/net/route", &format!("{heading}{everywhere}{routes}"));
        file(&line([10, 83, 0, 0], [255, 255, 255, 0]));
        assert_eq!(free(&tree.host()), "10.83.1.1/24");
        file(&line([10, 83, 0, 128], [255, 255, 255, 128]));
        assert_eq!(free(&tree.host()), "10.83.1.1/24");
        file(&line([10, 83, 0, 0], [255, 255, 254, 0]));
        assert_eq!(free(&tree.host()), "10.83.2.1/24");
        file(&line([10, 0, 0, 0], [255, 0, 0, 0]));
        assert_eq!(free(&tree.host()), "auto");
    }
}
