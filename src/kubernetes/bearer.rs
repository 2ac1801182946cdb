//! Tokens that are not the same for every request: they expire, and are replaced without a new connection.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::{
    error::{Error, Kind, Task},
    forms,
    plugin::Plugin,
    remote::{Audience, Remote},
};
use crate::wait::Wait;

/// Signs each request with a token.
pub(super) enum Bearer {
    /// Of whoever handed out the kubeconfig.
    Remote { remote: Arc<dyn Remote>, audience: Audience },
    /// Of a credential plugin.
    Plugin(Box<Plugin>),
    /// In a file that somebody else replaces.
    File(TokenFile),
}

/// A file that holds a token. As kubectl does, the last token is used if the file is gone later.
pub(super) struct TokenFile {
    path: PathBuf,
    last: Mutex<Option<String>>,
}

impl Bearer {
    /// Puts a token on a request and returns it. `refused` is the one that was not accepted.
    pub(super) async fn sign(
        &self,
        headers: &mut HeaderMap,
        refused: Option<&str>,
        task: &Task,
        wait: &Wait,
    ) -> Result<Option<String>, Error> {
        let token = match self {
            Self::Remote { remote, audience } => Some(remote.token(audience, refused, wait).await?),
            Self::Plugin(plugin) => plugin.credential(refused, wait).await?.token,
            Self::File(file) => Some(file.read()?),
        };
        let Some(token) = token else { return Ok(None) };
        let unusable = |reason: String| task.error(Kind::Unauthorized, reason, "");
        let token = forms::token(&token).map_err(unusable)?;
        let mut value =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|problem| unusable(problem.to_string()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Ok(Some(token))
    }
}

impl TokenFile {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.into(), last: Mutex::default() }
    }

    fn read(&self) -> Result<String, Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match (std::fs::read_to_string(&self.path), last.as_ref()) {
            (Ok(text), _) => {
                let token =
                    forms::token(&text).map_err(|reason| self.unusable("holds no token that can be used", reason))?;
                Ok(last.insert(token).clone())
            }
            (Err(_), Some(token)) => Ok(token.clone()),
            (Err(problem), None) => Err(self.unusable("cannot be read", format!("{problem}."))),
        }
    }

    fn unusable(&self, what: &str, reason: String) -> Error {
        let message = format!("the token file {} {what}.", self.path.display());
        Error::configuration("config_path", message, reason).of(Kind::Unauthorized)
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Remote { .. } => "Bearer::Remote",
            Self::Plugin(_) => "Bearer::Plugin",
            Self::File(_) => "Bearer::File",
        })
    }
}
