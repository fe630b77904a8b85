//! What an instance gets of its host, in the engine's words: its devices, and the keys of its configuration that belong to them.
//!
//! Volumes and other instances' roots are in `settings`.

use codchi_controller::driver::Device;

use crate::{record::Settings, settings::DEVICE_PREFIX};

/// The device of the engine; `None` where it has none for this.
///
/// When a device with nodes goes, engines take away all files that begin with its name (`unixDeviceRemove` in their
/// `unix_common.go`), those of another one too: a node's name ends with a dot, so that `video1.` isn't how `video10.` begins.
pub(crate) fn device(device: &Device) -> Option<(String, Settings)> {
    let (name, settings): (String, Vec<(&str, String)>) = match device {
        Device::Node { path } => (
            format!("node{}.", path.strip_prefix("/dev").unwrap_or(path).replace('/', "-")),
            vec![
                ("type", "unix-char".into()),
                ("source", path.clone()),
                ("path", path.clone()),
                ("mode", "0666".into()),
                ("required", "false".into()),
            ],
        ),
        // Without a vendor it is all of them, as they come and go.
        Device::Usb => ("usb".into(), vec![("type", "usb".into()), ("mode", "0666".into())]),
        Device::Socket { name, host, user, path, owner } => (
            format!("socket-{name}"),
            vec![
                ("type", "proxy".into()),
                ("bind", "instance".into()),
                ("connect", format!("unix:{}", host.display())),
                ("listen", format!("unix:{path}")),
                ("uid", owner.0.to_string()),
                ("gid", owner.1.to_string()),
                ("mode", "0600".into()),
                ("security.uid", user.0.to_string()),
                ("security.gid", user.1.to_string()),
            ],
        ),
        _ => return None,
    };
    let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Some((format!("{DEVICE_PREFIX}{name}"), settings))
}

/// The keys of an instance's configuration that its devices need.
pub(crate) fn settings(devices: &[Device]) -> Settings {
    let keys = devices.iter().flat_map(|device| match device {
        Device::Nvidia => [("nvidia.runtime", "true"), ("nvidia.driver.capabilities", "all")].as_slice(),
        Device::SystemCalls => {
            [("security.syscalls.intercept.mknod", "true"), ("security.syscalls.intercept.setxattr", "true")]
                .as_slice()
        }
        _ => &[],
    });
    keys.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ours_and_of_the_engines_form() {
        for path in ["/dev/fuse", "/dev/net/tun", "/dev/video0"] {
            let (name, settings) = device(&Device::Node { path: path.into() }).unwrap();
            assert_eq!((settings["source"].as_str(), settings["path"].as_str()), (path, path));
            assert!(name.starts_with("codchi-node-") && !name.contains('/'), "{name}");
        }
        assert_eq!(device(&Device::SystemCalls), None);
    }

    #[test]
    fn a_socket_is_connected_to_as_its_user_and_open_for_one_user_only() {
        let socket = Device::Socket {
            name: "agent".into(),
            host: "/run/user/1001/agent".into(),
            user: (1001, 1002),
            path: "/.codchi/agent".into(),
            owner: (1000, 100),
        };
        let (name, settings) = device(&socket).unwrap();
        assert_eq!(name, "codchi-socket-agent");
        let of = |key: &str| settings[key].as_str();
        assert_eq!((of("connect"), of("listen")), ("unix:/run/user/1001/agent", "unix:/.codchi/agent"));
        assert_eq!((of("security.uid"), of("security.gid")), ("1001", "1002"));
        assert_eq!((of("uid"), of("gid"), of("mode")), ("1000", "100", "0600"));
    }

    #[test]
    fn no_name_of_a_node_is_how_another_one_begins() {
        let name = |path: &str| device(&Device::Node { path: path.into() }).unwrap().0;
        assert_eq!(name("/dev/dri/renderD128"), "codchi-node-dri-renderD128.");
        assert!(!name("/dev/video10").starts_with(&name("/dev/video1")));
        assert!(!name("/dev/nvidia-uvm-tools").starts_with(&name("/dev/nvidia-uvm")));
    }

    #[test]
    fn only_what_needs_keys_has_some() {
        assert!(settings(&[Device::Usb]).is_empty());
        let keys = settings(&[Device::Nvidia, Device::SystemCalls]);
        assert_eq!(keys.len(), 4);
        assert_eq!(keys["nvidia.runtime"], "true");
    }
}
