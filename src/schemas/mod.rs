//! The schemas that ship, and what may become of them.
//!
//! | chapter      | what it holds                                                     |
//! | ------------ | ----------------------------------------------------------------- |
//! | `asyncapi`   | the document of a deployment: topics, keys, headers, schemas      |
//! | `compatible` | whether two schemas can read each other's records                 |
//! | `misfit`     | what stands in the way, in plain words                            |
//! | `files`      | the same for files and folders                                    |
//!
//! Needs no server: what a registry would refuse is refused here first. Knows nothing of records.

mod asyncapi;
mod compatible;
mod files;
mod misfit;

pub use asyncapi::asyncapi;
pub use compatible::{Compatibility, misfits};
pub use files::{FileError, Verdict, compare_files};
pub use misfit::{Misfit, Obstacle, Side};

/// An Avro schema that ships with the program.
#[derive(Debug)]
pub struct Shipped {
    /// Its name: that of its file, without `.avsc`.
    pub name: &'static str,
    /// What it describes.
    pub what: &'static str,
    /// The schema itself.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal: $what:literal),+ $(,)?) => {
        /// Every Avro schema that ships: what comes in, what goes out, what is stored.
        pub const SHIPPED: &[Shipped] = &[$(Shipped {
            name: $name,
            what: $what,
            text: include_str!(concat!("../../schemas/", $name, ".avsc")),
        }),+];
    };
}

shipped! {
    "interaction_event": "what comes in: one fact about one customer",
    "alert": "one transition of one alert",
    "score": "the score of a cohort at the close of a day",
    "delta": "what the customer stage tells the cohort stage",
    "journey": "stored: the state of a customer",
    "cohort": "stored: the state of a cohort",
}
