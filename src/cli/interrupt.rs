//! What Ctrl-C leaves behind on the terminal: a sentence on how to go on.

use std::ffi::c_int;
use std::sync::OnceLock;

static SENTENCE: OnceLock<String> = OnceLock::new();

// Of the C library that every program is linked to: one call each, not worth a dependency.
unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn write(file: c_int, bytes: *const u8, length: usize) -> isize;
    fn _exit(code: c_int) -> !;
}

const SIGINT: c_int = 2;
const STDERR: c_int = 2;

/// From now on Ctrl-C prints the sentence and ends the program with 130, as shells do.
pub fn announce(sentence: &str) {
    if SENTENCE.set(sentence.to_owned()).is_ok() {
        // SAFETY: `stop` does nothing but what signal-safety(7) allows.
        unsafe { signal(SIGINT, stop) };
    }
}

extern "C" fn stop(_: c_int) {
    // SAFETY: write(2) and _exit(2) may be called from a handler; the sentence was set before it was installed and never changes.
    unsafe {
        if let Some(sentence) = SENTENCE.get() {
            write(STDERR, sentence.as_ptr(), sentence.len());
        }
        _exit(130)
    }
}
