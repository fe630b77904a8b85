//! What a process' exit code says. The table is part of the command line's contract.

use codchi_controller::failure::{Failure, FailureCode};

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// It was done.
    pub(crate) const DONE: Self = Self(0);
    /// It failed.
    pub(crate) const FAILED: Self = Self(1);
    /// It was asked wrongly.
    pub(crate) const USAGE: Self = Self(2);
    /// What was named doesn't exist.
    pub(crate) const NOT_FOUND: Self = Self(3);
    /// This computer isn't ready; `codchi doctor` says what is missing.
    pub(crate) const HOST_NOT_READY: Self = Self(4);
    /// The user decided against it.
    pub(crate) const CANCELLED: Self = Self(5);
    /// It was interrupted, as the shells say it for Ctrl-C.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// The code of a process that a signal ended, as shells tell it.
    pub(crate) fn signalled(signal: i32) -> Self {
        Self(u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }

    /// The code for a failure of something that had begun.
    pub(crate) fn of(code: FailureCode) -> Self {
        use FailureCode as Code;
        match code {
            Code::InvalidName
            | Code::InvalidUrl
            | Code::UrlHasCredentials
            | Code::InvalidArgument
            | Code::AlreadyExists => Self::USAGE,
            Code::MachineNotFound
            | Code::ModuleNotFound
            | Code::OperationNotFound
            | Code::SecretNotFound
            | Code::RepositoryNotFound
            | Code::NoFlake
            | Code::NoModules => Self::NOT_FOUND,
            Code::EngineUnavailable
            | Code::ImageUnavailable
            | Code::StoreUnavailable
            | Code::InputNeeded
            | Code::MissingCapability
            | Code::AccessDenied
            | Code::Certificate => Self::HOST_NOT_READY,
            Code::Cancelled => Self::CANCELLED,
            Code::Interrupted => Self::INTERRUPTED,
            Code::Evaluation
            | Code::Build
            | Code::Activation
            | Code::Boot
            | Code::Busy
            | Code::NotRunning
            | Code::InvalidFile
            | Code::Failed => Self::FAILED,
        }
    }

    /// The code for a request that was refused before anything began: then a repository that doesn't evaluate is bad input.
    pub(crate) fn of_refusal(code: FailureCode) -> Self {
        match code {
            FailureCode::Evaluation => Self::USAGE,
            other => Self::of(other),
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Why a command ends without having done what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// With which code.
    pub(crate) exit: Exit,
    /// What is told; `None` where everything has been said.
    pub(crate) failure: Option<Failure>,
}

impl Stop {
    /// Ends because it was asked wrongly.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::from(failure(FailureCode::InvalidArgument, message, Some(hint.into())))
    }

    /// Ends because of a signal.
    pub(crate) fn signalled(signal: i32) -> Self {
        Self { exit: Exit::signalled(signal), failure: None }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self { exit: Exit::of_refusal(failure.code), failure: Some(failure) }
    }
}

impl From<codchi_host::HostError> for Stop {
    fn from(error: codchi_host::HostError) -> Self {
        error.failure().into()
    }
}

/// A failure that has no causes of its own.
pub(crate) fn failure(code: FailureCode, message: impl Into<String>, hint: Option<String>) -> Failure {
    Failure {
        code,
        message: message.into(),
        hints: hint.into_iter().collect(),
        causes: Vec::new(),
        details: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        use FailureCode as Code;
        for (code, exit) in [
            (Code::Failed, 1),
            (Code::Build, 1),
            (Code::Evaluation, 1),
            (Code::InvalidName, 2),
            (Code::InvalidUrl, 2),
            (Code::AlreadyExists, 2),
            (Code::MachineNotFound, 3),
            (Code::RepositoryNotFound, 3),
            (Code::EngineUnavailable, 4),
            (Code::InputNeeded, 4),
            (Code::StoreUnavailable, 4),
            (Code::SecretNotFound, 3),
            (Code::AccessDenied, 4),
            (Code::Certificate, 4),
            (Code::Cancelled, 5),
            (Code::Interrupted, 130),
        ] {
            assert_eq!(Exit::of(code), Exit(exit), "{code:?}");
        }
        assert_eq!(Exit::of_refusal(Code::Evaluation), Exit::USAGE);
        assert_eq!(Exit::signalled(2), Exit::INTERRUPTED);
    }
}
