//! What the process finds around itself: variables and the name of its host.
//!
//! Taken once, as a value, so that tests bring their own and nothing else in the program asks the system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Variables and host name.
#[derive(Clone, Default)]
pub struct Environment {
    /// Every variable whose name and value are UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The name of the host, or of the pod.
    pub host: Option<String>,
}

impl std::fmt::Debug for Environment {
    /// Variables may hold secrets: only their names are shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("host", &self.host)
            .finish()
    }
}

/// Ordinals of a `StatefulSet` have no more digits; longer numbers at the end of a host name mean something else.
const ORDINAL_DIGITS_MAX: usize = 4;

impl Environment {
    /// Takes the environment of this process.
    pub fn of_process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        // Linux tells it there; elsewhere the shell may.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .map(|name| name.trim().to_owned())
            .or_else(|| variables.get("HOSTNAME").cloned());
        Self { variables, host }
    }

    /// Returns the number at the end of the host name: `waymark-2` of a Kubernetes `StatefulSet` has the ordinal 2.
    pub(super) fn host_ordinal(&self) -> Option<u32> {
        let (_, digits) = self.host.as_deref()?.rsplit_once('-')?;
        let short = (1..=ORDINAL_DIGITS_MAX).contains(&digits.len());
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        (short && plain).then(|| digits.parse().ok()).flatten()
    }

    /// Returns where a secret file stands: a bare name is looked up where systemd puts the credentials of a service.
    pub(super) fn secret_file(&self, file: &Path) -> Option<PathBuf> {
        let bare = file.components().count() == 1;
        let folder = self.variables.get("CREDENTIALS_DIRECTORY")?;
        bare.then(|| Path::new(folder).join(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinal_is_the_short_number_behind_the_last_hyphen() {
        let ordinal = |host: &str| {
            let environment = Environment {
                host: Some(host.to_owned()),
                ..Environment::default()
            };
            environment.host_ordinal()
        };
        assert_eq!(ordinal("waymark-0"), Some(0));
        assert_eq!(ordinal("waymark-eu-12"), Some(12));
        for host in [
            "waymark",
            "waymark-",
            "waymark-7d9f8-x2k4q",
            "waymark-24567",
            "0",
            "a-1b",
        ] {
            assert_eq!(ordinal(host), None, "{host}");
        }
    }
}
