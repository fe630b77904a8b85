//! What instances get of their host: given and taken while they run, and absent things do no harm. What arrives inside only
//! [a real engine](on_real) shows.

use std::os::unix::net::UnixListener;

use codchi_controller::driver::{Device, Driver, StopMode};
use serde_json::Value;

use super::{Fixtures, exec, read, remove, running, step};
use crate::{
    desktop::eventually,
    hardware::{Camera, NvidiaTools, UsbDevice},
    world::World,
};

pub(super) async fn run(driver: &dyn Driver, fixtures: &Fixtures) {
    let mut spec = fixtures.machine("devices");
    let socket = Device::Socket {
        name: "nowhere".into(),
        host: fixtures.dir().join("nowhere.sock"),
        user: (0, 0),
        path: "/run/nowhere.sock".into(),
        owner: (0, 0),
    };
    let absent = vec![Device::Node { path: "/dev/codchi-absent".into() }, Device::Usb, socket];
    step("what the host doesn't have doesn't keep an instance from starting", async {
        spec.devices = absent.clone();
        let name = running(driver, &spec).await;
        driver.stop(&name, StopMode::Force).await.unwrap();
        driver.start(&name).await.unwrap();
    })
    .await;
    step("devices are taken and given while it runs, twice", async {
        for devices in [vec![], vec![], absent.clone(), absent] {
            spec.devices = devices;
            driver.configure(&spec).await.unwrap();
        }
        remove(driver, &spec.role.instance()).await;
    })
    .await;
}

/// What a real engine makes of them.
pub(super) async fn on_real(world: &World, driver: &dyn Driver, fixtures: &Fixtures) {
    let mut spec = fixtures.machine("given");
    let host = fixtures.dir().join("given.sock");
    let _listener = UnixListener::bind(&host).unwrap();
    let config = || -> Value {
        let instance: Value =
            serde_json::from_str(&world.client(&["query", "/1.0/instances/codchi-given"])).unwrap();
        instance
    };
    step("a node and a socket are there, for whom they are meant", async {
        spec.devices = vec![
            Device::Node { path: "/dev/fuse".into() },
            Device::Socket {
                name: "given".into(),
                host: host.clone(),
                user: (0, 0),
                path: "/given.sock".into(),
                owner: (1000, 100),
            },
        ];
        let name = running(driver, &spec).await;
        assert_eq!(
            read(driver, &name, &["stat", "-c", "%F %a %t", "/dev/fuse"]).await,
            "character special file 666 a\n"
        );
        assert_eq!(
            read(driver, &name, &["stat", "-c", "%F %u:%g %a", "/given.sock"]).await,
            "socket 1000:100 600\n"
        );
        // Also after an end that left the socket's file behind.
        driver.stop(&name, StopMode::Force).await.unwrap();
        driver.start(&name).await.unwrap();
        assert_eq!(read(driver, &name, &["stat", "-c", "%F", "/given.sock"]).await, "socket\n");
        driver.stop(&name, StopMode::Force).await.unwrap();
    })
    .await;
    step("of two nodes, one that goes leaves the other", async {
        let name = spec.role.instance();
        let cameras = [1, 10].map(Camera::plug);
        let node = |camera: &Camera| Device::Node { path: camera.node.to_str().unwrap().to_owned() };
        spec.devices = cameras.iter().map(node).collect();
        driver.configure(&spec).await.unwrap();
        driver.start(&name).await.unwrap();
        let [first, tenth] = cameras.each_ref().map(|camera| camera.node.to_str().unwrap());
        spec.devices = vec![node(&cameras[1])];
        driver.configure(&spec).await.unwrap();
        read(driver, &name, &["test", "!", "-e", first]).await;
        assert_eq!(read(driver, &name, &["stat", "-c", "%F", tenth]).await, "character special file\n");
        read(driver, &name, &["dd", &format!("if={tenth}"), "of=/dev/zero", "count=1"]).await;
        driver.stop(&name, StopMode::Force).await.unwrap();
    })
    .await;
    step("USB devices come and go while it runs", async {
        let name = spec.role.instance();
        spec.devices = vec![Device::Usb];
        driver.configure(&spec).await.unwrap();
        driver.start(&name).await.unwrap();
        let device = UsbDevice::plug();
        let node = device.node();
        let is_there = async || exec(driver, &name, &["test", "-c", &node]).await.code == 0;
        eventually("the device comes", async || is_there().await.then_some(())).await;
        assert_eq!(read(driver, &name, &["stat", "-c", "%a", &node]).await, "666\n");
        drop(device);
        eventually("the device goes", async || (!is_there().await).then_some(())).await;
        driver.stop(&name, StopMode::Force).await.unwrap();
    })
    .await;
    step("cards and system calls are asked for in the engine's words, and taken back", async {
        world.client(&[
            "config",
            "set",
            "codchi-given",
            "security.syscalls.intercept.sched_setscheduler",
            "true",
        ]);
        // Without its tools the engines refuse NVIDIA's driver, and so it is never asked for then.
        let _tools = NvidiaTools::install();
        let card = ["card0", "renderD128"].map(|name| Device::Node { path: format!("/dev/dri/{name}") });
        spec.devices = card.into_iter().chain([Device::SystemCalls, Device::Usb, Device::Nvidia]).collect();
        driver.configure(&spec).await.unwrap();
        let given = config();
        for name in ["card0", "renderD128"] {
            let node = &given["devices"][format!("codchi-node-dri-{name}.")];
            assert_eq!(
                (&node["type"], &node["source"]),
                (&"unix-char".into(), &format!("/dev/dri/{name}").into())
            );
            // What isn't there doesn't keep it from starting, whoever starts it.
            assert_eq!((&node["required"], &node["mode"]), (&"false".into(), &"0666".into()));
        }
        assert_eq!(given["devices"]["codchi-usb"]["type"], "usb");
        assert_eq!(given["config"]["security.syscalls.intercept.mknod"], "true");
        assert_eq!(given["config"]["security.syscalls.intercept.setxattr"], "true");
        assert_eq!(given["config"]["nvidia.runtime"], "true");
        assert_eq!(given["config"]["nvidia.driver.capabilities"], "all");
        spec.devices.clear();
        driver.configure(&spec).await.unwrap();
        let taken = config();
        assert_eq!(taken["config"]["nvidia.runtime"], Value::Null);
        let devices = taken["devices"].as_object().unwrap();
        assert!(!devices.keys().any(|name| name.starts_with("codchi-node")), "{taken}");
        assert_eq!(taken["config"]["security.syscalls.intercept.mknod"], Value::Null);
        let own = &taken["config"]["security.syscalls.intercept.sched_setscheduler"];
        assert_eq!(own, "true", "the user's own stays");
        world.client(&["config", "unset", "codchi-given", "security.syscalls.intercept.sched_setscheduler"]);
        let name = spec.role.instance();
        driver.start(&name).await.unwrap();
        remove(driver, &name).await;
    })
    .await;
}
