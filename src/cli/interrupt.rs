//! What Ctrl-C leaves behind on the terminal: a sentence on how to go on.

use super::output;

/// From now on Ctrl-C prints the sentence and ends the program with 130, as shells do. Once a program: a second sentence is not heard.
pub fn announce(sentence: &str) {
    let sentence = sentence.trim_end().to_owned();
    // Without the handler Ctrl-C ends the program all the same, only without the sentence.
    let _ = ctrlc::set_handler(move || {
        output::note(&sentence);
        std::process::exit(130);
    });
}
