//! Agent configs and server configs become a scenario.

mod agent_file;

pub use agent_file::*;
