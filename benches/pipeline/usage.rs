//! What a process has used, read from Linux's `/proc`, and on what machine.

use std::path::Path;
use std::{fs, thread};

use anyhow::{Context as _, Result};

/// Linux counts processor time in ticks of 10 ms for all programs, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Returns the processor time of a process with all its threads, in seconds. `self` is a process too.
pub(crate) fn cpu_seconds(process: &str) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let (_, behind_name) = stat.rsplit_once(')').context("a process has a name")?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>();
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Returns the most memory that a process has held at once, in bytes.
pub(crate) fn peak_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let kilobytes = field(&status, "VmHWM:").context("the kernel tells the peak")?;
    let number = kilobytes.trim_end_matches(" kB").trim();
    Ok(number.parse::<u64>()? * 1024)
}

/// Describes the machine: processor, cores, memory, kernel.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = field(&cpu, "model name").unwrap_or("processor unknown");
    let memory = field(&memory, "MemTotal:").unwrap_or("memory unknown");
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{model}, {cores} cores, {memory}, Linux {}", kernel.trim())
}

/// Returns the version of Kafka by the names of its jars.
pub(crate) fn kafka_version(jars: &Path) -> String {
    let names = fs::read_dir(jars).into_iter().flatten().flatten();
    let version = names.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix("kafka-clients-")?.strip_suffix(".jar")?;
        Some(version.to_owned())
    });
    version
        .last()
        .unwrap_or_else(|| "version unknown".to_owned())
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim_start_matches([':', ' ', '\t']))
}

/// Returns the value below which so many in a hundred lie; `sorted` holds at least one.
pub(crate) fn percentile<T: Copy>(sorted: &[T], percent: usize) -> T {
    sorted[(sorted.len() - 1) * percent / 100]
}
