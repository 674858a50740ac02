//! Waymark, the shell around the pure engine.
