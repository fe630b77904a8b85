//! The checks of the engine and the controller. They run side by side; one that needs another which failed is unknown.

use serde::Deserialize;

use super::{Check, CheckState, Diagnosis, Fix};
use crate::{
    containers,
    controller::Controller,
    driver::{DriverError, EngineInfo, InstanceState, InstanceStatus, Role},
    error::Error,
    failure::Failure,
};

impl Controller {
    /// Looks whether everything is there that machines need.
    pub async fn diagnose(&self) -> Diagnosis {
        let (engine, instances, health) =
            tokio::join!(self.driver.engine(), self.driver.instances(), self.controller_health());
        let controller = instances
            .as_ref()
            .map(|instances| instances.iter().find(|instance| instance.role == Role::Controller))
            .map_err(|_| ());
        let checks = vec![
            self.check_engine(engine),
            self.check_images(),
            self.check_controller(controller),
            check_daemon(health),
        ];
        Diagnosis { ok: checks.iter().all(|check| check.state != CheckState::Fail), checks }
    }

    fn check_engine(&self, engine: Result<EngineInfo, DriverError>) -> Check {
        let check = |state, explanation: &str, evidence: String| Check {
            id: "engine".into(),
            state,
            title: "Container engine".into(),
            explanation: explanation.into(),
            evidence,
            fix: None,
        };
        match engine {
            Ok(EngineInfo { name, version, endpoint }) => {
                check(CheckState::Ok, "It answers.", format!("{name} {version} at {endpoint}"))
            }
            Err(error) => {
                let explanation = match error {
                    DriverError::Denied { .. } => {
                        "This user may not use it. Add the user to the engine's group (lxd or incus-admin) and log in again."
                    }
                    DriverError::Unreachable { .. } => {
                        "It isn't installed or doesn't run. Install LXD or Incus, or start it."
                    }
                    _ => "It answers with an error.",
                };
                check(CheckState::Fail, explanation, evidence(&error.into()))
            }
        }
    }

    fn check_images(&self) -> Check {
        let (state, explanation, evidence) = match &self.images {
            None => (
                CheckState::Fail,
                "The images that containers are made from weren't found. Install Codchi again, or point CODCHI_IMAGE_DIR at them.",
                String::new(),
            ),
            Some(images) => match images.controller.path.metadata() {
                Ok(file) if file.len() == images.controller.image.size => (
                    CheckState::Ok,
                    "They are there.",
                    format!("release {}, {}", images.release, images.controller.path.display()),
                ),
                Ok(_) => (
                    CheckState::Fail,
                    "The controller's image has another size than its manifest says. Install Codchi again.",
                    images.controller.path.display().to_string(),
                ),
                Err(error) => (
                    CheckState::Fail,
                    "The controller's image can't be read. Install Codchi again.",
                    format!("{}: {error}", images.controller.path.display()),
                ),
            },
        };
        Check {
            id: "images".into(),
            state,
            title: "Images".into(),
            explanation: explanation.into(),
            evidence,
            fix: None,
        }
    }

    fn check_controller(&self, controller: Result<Option<&InstanceStatus>, ()>) -> Check {
        let current = self.images.as_ref().map(|images| &images.controller.image.sha256);
        let (state, explanation) = match controller {
            Err(()) => (CheckState::Unknown, "The engine can't be asked."),
            Ok(None) => {
                (CheckState::Warn, "It isn't installed yet. That happens by itself with the first machine.")
            }
            Ok(Some(instance)) if instance.state != InstanceState::Running => {
                (CheckState::Warn, "It doesn't run. It is started by itself when it is needed.")
            }
            Ok(Some(instance)) if current.is_some() && instance.image.as_ref() != current => (
                CheckState::Warn,
                "It is of another release. It is replaced by itself when it is next needed; the store stays.",
            ),
            Ok(Some(_)) => (CheckState::Ok, "It runs."),
        };
        let fix = (state == CheckState::Warn).then(|| Fix {
            id: "controller".into(),
            commands: vec![["codchi", "doctor", "--fix", "controller"].map(str::to_owned).to_vec()],
            elevates: false,
        });
        let evidence = match controller {
            Ok(Some(instance)) => instance.address.clone().unwrap_or_default(),
            _ => String::new(),
        };
        Check {
            id: "controller".into(),
            state,
            title: "Controller".into(),
            explanation: explanation.into(),
            evidence,
            fix,
        }
    }

    /// What `ctrl-serve` says of itself and the daemon; `None` when the controller doesn't run.
    async fn controller_health(&self) -> Result<Option<Health>, Error> {
        let spec = containers::in_controller(["/bin/ctrl-serve", "health"]);
        let exec = match self.driver.exec(&Role::Controller.instance(), spec).await {
            Ok(exec) => exec,
            Err(DriverError::NotFound { .. } | DriverError::NotRunning { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let output = exec.output().await?;
        serde_json::from_slice(&output.stdout).map(Some).map_err(|_| Error::ControllerNotReady {
            report: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Health {
    ready: bool,
    #[serde(default)]
    nix: Option<String>,
    daemon: Daemon,
}

#[derive(Debug, Deserialize)]
struct Daemon {
    state: String,
    #[serde(default)]
    restarts: u64,
}

fn check_daemon(health: Result<Option<Health>, Error>) -> Check {
    let (state, explanation, evidence) = match health {
        Ok(None) => (CheckState::Unknown, "The controller doesn't run.", String::new()),
        Ok(Some(health)) => {
            let evidence = format!(
                "nix {}, {}, restarted {} times",
                health.nix.as_deref().unwrap_or("of unknown version"),
                health.daemon.state,
                health.daemon.restarts
            );
            match health.ready {
                true => (CheckState::Ok, "It answers.", evidence),
                false => {
                    (CheckState::Fail, "It doesn't answer. Restarting the controller may help.", evidence)
                }
            }
        }
        Err(error @ Error::Driver(DriverError::Unreachable { .. } | DriverError::Denied { .. })) => {
            (CheckState::Unknown, "The engine can't be asked.", evidence(&error))
        }
        Err(error) => (CheckState::Fail, "The controller doesn't tell how it is.", evidence(&error)),
    };
    Check {
        id: "nix-daemon".into(),
        state,
        title: "Nix daemon".into(),
        explanation: explanation.into(),
        evidence,
        fix: None,
    }
}

fn evidence(error: &Error) -> String {
    let failure = Failure::from(error);
    std::iter::once(failure.message).chain(failure.causes).collect::<Vec<_>>().join(": ")
}
