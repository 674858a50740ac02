//! The `waymark` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup(); // reads FAILPOINTS
    waymark::cli::main()
}
