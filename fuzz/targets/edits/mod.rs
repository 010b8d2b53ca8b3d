//! What holds for the edits of every client's files: a grant that is gained and lost again is as it was, and what is edited twice is edited once.

use mcplab::apply::{GrantEdit, edit_grant};
use mcplab::import::{Client, Permit};

pub fn check(text: &str, clients: &[Client]) {
    let known = ["fs".to_owned(), "db".to_owned()];
    let gain = [Permit::Server("db".to_owned()), Permit::Tool { server: "fuzzed".to_owned(), tool: "get".to_owned() }];
    for client in clients {
        let Ok(before) = client.grant_in(text, "a", &known) else { continue };
        for narrow in [false, true] {
            let edit = |text: &str, lose: &[&str], gain: &[Permit]| edit_grant(*client, text, "a", &known, GrantEdit { lose, gain, narrow });
            if let Ok(after) = edit(text, &["fs"], &gain) {
                // Whatever came of it has been read again and compared.
                let again = edit(&after.text, &["fs"], &gain).expect("an edited file can be edited");
                assert_eq!(again.text, after.text);
            }
            let is_new = before.listed.iter().chain(&before.denied).all(|permit| !matches!(permit.server(), Some("db" | "fuzzed")));
            if before.listed.is_empty() || before.everything || !is_new {
                continue;
            }
            if let Ok(wider) = edit(text, &[], &gain)
                && wider.text != text
                && let Ok(back) = edit(&wider.text, &["db", "fuzzed"], &[])
            {
                assert_eq!(client.grant_in(&back.text, "a", &known).expect("an edited file can be read").listed, before.listed);
            }
        }
    }
}
