//! What an import tells a person: what was read, what does not agree with the base, what was assumed, what was left out.

use crate::scenario::Scenario;
use crate::trace::printable;

/// A scenario, and what has to be known of how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    pub scenario: Scenario,
    pub report: Vec<ImportNote>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ImportNote {
    pub kind: NoteKind,
    pub text: String,
}

/// In the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    Read,
    /// Left out, and why.
    Skipped,
    /// The folder is not as the base scenario, or as its own files, have it.
    Differs,
    /// What the files' formats have no words for.
    CannotSay,
    /// Nobody said so.
    Assumed,
}

impl NoteKind {
    const ALL: [NoteKind; 5] = [NoteKind::Read, NoteKind::Skipped, NoteKind::Differs, NoteKind::CannotSay, NoteKind::Assumed];

    pub fn title(self) -> &'static str {
        match self {
            NoteKind::Read => "read",
            NoteKind::Skipped => "left out",
            NoteKind::Differs => "differs",
            NoteKind::CannotSay => "not expressible",
            NoteKind::Assumed => "assumed",
        }
    }
}

impl Imported {
    pub fn notes(&self, kind: NoteKind) -> impl Iterator<Item = &str> {
        self.report.iter().filter(move |note| note.kind == kind).map(|note| note.text.as_str())
    }

    /// The report as lines of text, which a terminal can show: a kind (with its count where each note is one thing), its notes below.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for kind in NoteKind::ALL {
            let notes: Vec<String> = self.notes(kind).map(|note| format!("  {}\n", note.replace('\n', "\n    "))).collect();
            if !notes.is_empty() {
                let is_count = matches!(kind, NoteKind::Skipped | NoteKind::Differs);
                let count = if is_count { format!(" ({})", notes.len()) } else { String::new() };
                text.push_str(&format!("{}{count}:\n{}", kind.title(), notes.concat()));
            }
        }
        printable(&text)
    }
}
