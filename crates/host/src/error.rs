//! Why Codchi can't begin on this computer.

use std::{io, path::PathBuf};

use codchi_controller::failure::{Failure, FailureCode};

/// What prevents even those things that need no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// There is nowhere to keep files.
    #[error("this user has no home directory")]
    NoHome,
    /// A directory that was chosen can't be.
    #[error("can't use the directory {path}")]
    Path {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `CODCHI_DRIVER` is something else.
    #[error("CODCHI_DRIVER is {name:?}, which is no driver")]
    UnknownDriver {
        /// What it is.
        name: String,
    },
    /// This system has no place where an engine could listen.
    #[error("this system has no engine that Codchi knows")]
    NoEngine,
    /// Our directories can't be made.
    #[error(transparent)]
    Files(#[from] codchi_controller::files::FileError),
    /// The driver can't be made.
    #[error("can't prepare the connection to the engine")]
    Driver(#[from] codchi_controller::driver::DriverError),
}

impl HostError {
    /// The error for people.
    pub fn failure(&self) -> Failure {
        let (code, hint) = match self {
            Self::NoHome => (
                FailureCode::Failed,
                "set HOME, or CODCHI_CONFIG_DIR and CODCHI_DATA_DIR, to directories of yours",
            ),
            Self::Path { .. } | Self::Files(_) => {
                (FailureCode::Failed, "choose other directories with CODCHI_CONFIG_DIR and CODCHI_DATA_DIR")
            }
            Self::UnknownDriver { .. } => (
                FailureCode::InvalidArgument,
                "use `lxd` or `incus`, or leave it unset to have the engine found",
            ),
            Self::NoEngine | Self::Driver(_) => (FailureCode::EngineUnavailable, "run `codchi doctor`"),
        };
        let causes = std::iter::successors(std::error::Error::source(self), |error| error.source());
        Failure {
            code,
            message: self.to_string(),
            hints: vec![hint.to_owned()],
            causes: causes.map(ToString::to_string).collect(),
            details: Vec::new(),
        }
    }
}
