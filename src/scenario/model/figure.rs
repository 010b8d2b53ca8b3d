//! A figure and where it comes from.

use serde::Serialize;

/// A figure and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure<T> {
    pub value: T,
    /// None for a bare value: the scenario's author states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    pub source: Source,
    /// Sample size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// 95 % interval, as written (it has the figure's unit).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[String; 2]>,
    /// Which measurement, which document, why this assumption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Measured,
    Fitted,
    Published,
    Catalogue,
    Assumed,
}

impl<T> Figure<T> {
    /// A bare value.
    pub fn stated(value: T) -> Figure<T> {
        Figure { value, provenance: None }
    }

    pub fn with_source(value: T, source: Source, note: impl Into<String>) -> Figure<T> {
        Figure { value, provenance: Some(Provenance { source, n: None, interval: None, note: Some(note.into()) }) }
    }

    pub fn assumed(value: T, note: impl Into<String>) -> Figure<T> {
        Figure::with_source(value, Source::Assumed, note)
    }

    pub fn is_assumed(&self) -> bool {
        self.provenance.as_ref().is_some_and(|p| p.source == Source::Assumed)
    }

    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Figure<U> {
        Figure { value: f(&self.value), provenance: self.provenance.clone() }
    }
}
