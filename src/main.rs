//! The `waymark` command.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Also that of Kafka's client, which is C and allocates as much as we do.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup(); // reads FAILPOINTS
    waymark::cli::main()
}
