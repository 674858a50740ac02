//! Ports that stay ours for as long as a server may want to come back to them.
//!
//! A port is claimed by locking a file with its number, which tells every other kit on this machine to look elsewhere,
//! also while the server is down; the operating system drops the lock with the process. The files lie in `/tmp` itself:
//! kits with a `TMPDIR` of their own must meet there too. Claimed ports lie below the range from which outgoing
//! connections take theirs, so that no client sits on one when its server restarts.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use nix::unistd::getuid;

/// Below 32768, where Linux begins to number outgoing connections; above what is usually listened on.
const RANGE: Range<u16> = 20_000..32_000;

/// A port of 127.0.0.1 that no other kit will use.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Locked until dropped. A port chosen by hand has none: its chooser knows best.
    _claim: Option<File>,
}

impl Port {
    /// Claims a free port.
    ///
    /// # Errors
    ///
    /// When none is free, or the folder of claims can't be made.
    pub fn claim() -> Result<Self> {
        let folder = PathBuf::from(format!("/tmp/waymark-testkit-ports-{}", getuid()));
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        // Each process begins elsewhere, so that it rarely tries a port that another one holds.
        let begin = (std::process::id() % u32::from(RANGE.end - RANGE.start)) as usize;
        RANGE
            .cycle()
            .skip(begin)
            .take(RANGE.len())
            .find_map(|number| Self::claim_exactly(number, folder.join(number.to_string())))
            .with_context(|| {
                format!(
                    "no free port in {RANGE:?}; claims are in {}",
                    folder.display()
                )
            })
    }

    /// Takes a port that somebody chose.
    pub(crate) fn chosen(number: u16) -> Result<Self> {
        ensure!(is_free(number), "port {number} of 127.0.0.1 is taken");
        Ok(Self {
            number,
            _claim: None,
        })
    }

    /// Returns its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn claim_exactly(number: u16, path: PathBuf) -> Option<Self> {
        let claim = File::create(path).ok()?;
        claim.try_lock().ok()?;
        is_free(number).then_some(Self {
            number,
            _claim: Some(claim),
        })
    }
}

fn is_free(number: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_given_twice() {
        let ports: Vec<_> = (0..50).map(|_| Port::claim().unwrap()).collect();
        let mut numbers: Vec<_> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());
    }

    #[test]
    fn a_port_somebody_listens_on_is_taken() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = listener.local_addr().unwrap().port();
        let told = Port::chosen(number).unwrap_err().to_string();
        assert_eq!(told, format!("port {number} of 127.0.0.1 is taken"));
    }
}
