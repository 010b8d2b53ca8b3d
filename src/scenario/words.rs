//! What is said with one of a few words: read with these, written with these.

use super::{Beyond, Discipline, GivenUp, Process, Source, Term};

pub(crate) const SOURCES: [(&str, Source); 5] = [
    ("measured", Source::Measured),
    ("fitted", Source::Fitted),
    ("published", Source::Published),
    ("catalogue", Source::Catalogue),
    ("assumed", Source::Assumed),
];

pub(crate) const PROCESSES: [(&str, Process); 2] = [("shared", Process::Shared), ("session", Process::Session)];

pub(crate) const DISCIPLINES: [(&str, Discipline); 3] =
    [("fifo", Discipline::Fifo), ("priority", Discipline::Priority), ("processor-sharing", Discipline::ProcessorSharing)];

pub(crate) const BEYOND: [(&str, Beyond); 2] = [("lost", Beyond::Lost), ("aborted", Beyond::Aborted)];

pub(crate) const GIVEN_UP: [(&str, GivenUp); 2] = [("goes-on", GivenUp::GoesOn), ("is-cancelled", GivenUp::IsCancelled)];

pub(crate) const TERMS: [(&str, Term); 5] = [
    ("response", Term::Response),
    ("error", Term::Error),
    ("imbalance", Term::Imbalance),
    ("changes", Term::Changes),
    ("affinity", Term::Affinity),
];

/// Retries without a limit.
pub(crate) const UNLIMITED_RETRIES: &str = "unlimited";

pub(crate) const EXPONENTIAL_SPREAD: &str = "exponential";

/// The word for a value.
pub(crate) fn word_for<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, meant)| meant == value).map(|(word, _)| *word).expect("every value has a word")
}
