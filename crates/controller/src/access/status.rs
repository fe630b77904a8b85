//! What there is of the user's access, for people: no token, no password.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{CertificateStatus, ProxyStatus, SshAgent, TokenStatus};
use crate::{controller::Controller, error::Error};

/// How long an agent may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The longest answer of an agent (OpenSSH).
const LONGEST: u32 = 256 << 10;

/// What there is of the user's access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AccessStatus {
    /// The hosts for which tokens are kept.
    pub tokens: Vec<TokenStatus>,
    /// The SSH agent; `None` when there is none, or it doesn't answer.
    pub agent: Option<AgentStatus>,
    /// The certificate authorities that this computer trusts beyond the usual ones.
    pub certificates: Vec<CertificateStatus>,
    /// The network's proxy.
    pub proxy: ProxyStatus,
}

/// The SSH agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// How many keys it has.
    pub keys: u32,
}

impl Controller {
    /// What there is of the user's access. Raises no prompt.
    ///
    /// # Errors
    /// When our own files can't be read.
    pub async fn access_status(&self) -> Result<AccessStatus, Error> {
        let agent = async {
            let agent = self.user.agent()?;
            timeout(ANSWER, keys(&*agent)).await.ok()?.ok().map(|keys| AgentStatus { keys })
        };
        let (agent, certificates) = tokio::join!(agent, self.user.certificates());
        let now = OffsetDateTime::now_utc();
        Ok(AccessStatus {
            tokens: self.tokens()?,
            agent,
            certificates: certificates.iter().map(|certificate| certificate.status(now)).collect(),
            proxy: self.user.proxy().status(),
        })
    }
}

/// How many keys an agent has (SSH_AGENTC_REQUEST_IDENTITIES).
async fn keys(agent: &dyn SshAgent) -> std::io::Result<u32> {
    const REQUEST: [u8; 5] = [0, 0, 0, 1, 11];
    const ANSWER: u8 = 12;
    let mut stream = agent.connect().await?;
    stream.write_all(&REQUEST).await?;
    let length = stream.read_u32().await?;
    if length > LONGEST || stream.read_u8().await? != ANSWER {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    stream.read_u32().await
}
