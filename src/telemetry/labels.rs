//! The values that labels of metrics may have: each label is an enum, so no label can grow without bound.

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the value of the label.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    )+};
}

labels! {
    /// Why a worker made itself a new producer.
    RecycleCause {
        /// The commit went well, but took so long that a second copy of a request may be on its way.
        Slow = "slow",
        /// A record was not acknowledged.
        Produce = "produce",
        /// The offsets were refused: most likely the shards are no longer ours.
        Offsets = "offsets",
        /// The commit failed or its outcome is not known.
        Commit = "commit",
        /// Another process has our transactional id.
        Fenced = "fenced",
        /// A fatal error of the client, outside a transaction.
        Client = "client",
    }

    /// What a rebalance did to a worker.
    Rebalance {
        /// It got its shards.
        Assigned = "assigned",
        /// It gave its shards back, or they were taken away while it was silent.
        Revoked = "revoked",
    }

    /// How a flush ended.
    Flushed {
        /// The store has it.
        Done = "done",
        /// The checkpoint was not the expected one.
        Refused = "refused",
        /// No answer came: it may still happen.
        Unknown = "unknown",
        /// The store could not take it now.
        Failed = "failed",
    }

    /// Why the collector does not get a span.
    SpanLoss {
        /// Too many wait to be sent.
        QueueFull = "queue_full",
        /// It could not be sent: the collector is away, or refuses all of them.
        Unsent = "unsent",
        /// The collector has refused this one.
        Rejected = "rejected",
    }

    /// What recovery copied from the changelog into the store.
    Copied {
        /// Nothing: the store was up to date.
        Nothing = "nothing",
        /// The part that the store did not have.
        Part = "part",
        /// The whole partition, into a new copy.
        Whole = "whole",
    }
}
