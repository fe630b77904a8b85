//! Whose settings are just being changed: the changes of one instance wait for each other, those of others don't.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use codchi_controller::driver::InstanceName;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// A lock for each instance that is being changed.
#[derive(Debug, Default)]
pub(crate) struct Editing {
    locks: Mutex<BTreeMap<InstanceName, Weak<AsyncMutex<()>>>>,
}

impl Editing {
    /// Waits until nobody else changes the instance, and has them wait while the result is held.
    pub(crate) async fn alone(&self, name: &InstanceName) -> OwnedMutexGuard<()> {
        self.lock(name).lock_owned().await
    }

    fn lock(&self, name: &InstanceName) -> Arc<AsyncMutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(name.clone(), Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use codchi_controller::{
        driver::{DriverError, Role},
        machine::MachineName,
    };
    use tokio::sync::Notify;

    use crate::{
        LxdDriver,
        rest::{
            Purpose,
            pretended::{Engine, respond},
        },
    };

    /// Changes a setting of a machine.
    async fn edit(driver: &LxdDriver, machine: &str, value: &str) -> Result<(), DriverError> {
        let name = Role::Machine(MachineName::new(machine).unwrap()).instance();
        let purpose = Purpose::new("configure", "instance", name.as_str());
        let change = |config: &mut crate::record::Settings, _: &mut _| {
            config.insert("user.x".into(), value.into());
        };
        driver.edit(&name, &purpose, change).await
    }

    #[tokio::test]
    async fn changes_wait_for_those_of_their_instance_alone() {
        let (began, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (began_here, goes_on_here, asked_here) = (began.clone(), goes_on.clone(), asked.clone());
        let engine = Engine::new(move |request, stream| {
            let (began, goes_on, asked) = (began_here.clone(), goes_on_here.clone(), asked_here.clone());
            async move {
                asked.lock().unwrap().push(request.clone());
                let (method, path) = request.split_once(' ').unwrap();
                let machine = path.strip_prefix("/1.0/instances/codchi-").unwrap();
                if method == "PUT" && machine == "busy" {
                    began.notify_one();
                    goes_on.notified().await;
                }
                let record = format!(
                    r#"{{"type":"sync","metadata":{{"config":{{"user.codchi.role":"machine:{machine}"}},"devices":{{}}}}}}"#
                );
                respond(stream, 200, &record).await;
            }
        });
        let driver = Arc::new(LxdDriver::new(engine.config()).unwrap());
        let spawn = |value: &'static str| {
            let driver = driver.clone();
            tokio::spawn(async move { edit(&driver, "busy", value).await })
        };
        let first = spawn("1");
        began.notified().await;
        let second = spawn("2");
        let other = edit(&driver, "free", "3");
        tokio::time::timeout(Duration::from_secs(10), other).await.expect("it needn't wait").unwrap();
        assert!(!first.is_finished() && !second.is_finished());
        for change in [first, second] {
            goes_on.notify_one();
            change.await.unwrap().unwrap();
        }
        assert!(driver.editing.locks.lock().unwrap().values().all(|lock| lock.strong_count() == 0));
        let asked = asked.lock().unwrap();
        let of_busy: Vec<_> =
            asked.iter().filter(|request| request.ends_with("busy")).map(|one| &one[..3]).collect();
        assert_eq!(of_busy, ["GET", "PUT", "GET", "PUT"], "the second one begins when the first one is done");
    }
}
