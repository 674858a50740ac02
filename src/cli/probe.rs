//! `waymark probe`: how a running process is, asked from beside it. For images that have neither shell nor `curl`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::config::SettingFlags;
use super::exit::{Exit, Usage};
use crate::http;

/// Asks the `waymark run` beside it, under the same settings, whether it lives or is ready
///
/// Exit codes: 0 it does, 1 it does not, 69 nobody answers.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to ask
    #[arg(value_enum, default_value_t)]
    question: Question,
    #[command(flatten)]
    settings: SettingFlags,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Question {
    /// Do all of its loops turn? If not, a restart may help
    #[default]
    Live,
    /// Do all of its shards run? A restart does not help where one has halted
    Ready,
}

/// It answers from memory; a machine that takes longer is ill as well.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or probes are served nowhere.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let served = config.http.ok_or(Usage("http is off: nobody answers"))?;
    let path = match arguments.question {
        Question::Live => "livez",
        Question::Ready => "readyz?verbose",
    };
    let agent = http::agent(PATIENCE, PATIENCE, None).map_err(anyhow::Error::msg)?;
    let url = format!("http://{}/{path}", beside(served));
    let mut answer = match agent.get(&url).call() {
        Ok(answer) => answer,
        Err(error) => {
            anstream::eprintln!("{url}: {error}");
            return Ok(Exit::Unavailable);
        }
    };
    let told = answer.body_mut().read_to_string();
    anstream::print!("{}", told.context("the answer can't be read")?);
    Ok(if answer.status().is_success() {
        Exit::Ok
    } else {
        Exit::Findings
    })
}

/// Returns the address to ask for one to listen at: all addresses of a machine include its own.
fn beside(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_listens_everywhere_is_asked_on_its_own_machine() {
        let beside = |address: &str| beside(address.parse().unwrap()).to_string();
        assert_eq!(beside("0.0.0.0:9464"), "127.0.0.1:9464");
        assert_eq!(beside("[::]:9464"), "[::1]:9464");
        assert_eq!(beside("10.1.2.3:80"), "10.1.2.3:80");
    }
}
