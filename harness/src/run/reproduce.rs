//! The command that runs a single job again.

use std::{fmt::Write as _, path::PathBuf};

/// The start of that command, up to its filter: the same files, judged as strictly, with the same mutant.
pub fn reproduce(paths: &[PathBuf], strict: bool, mutant: Option<&str>) -> String {
    let mut words = vec!["counterfoil run".to_owned()];
    for path in paths {
        let path = path.display().to_string();
        // What looks like an option is none with a directory before it.
        let path = if path.starts_with('-') { format!("./{path}") } else { path };
        words.push(shell_word(&path));
    }
    if strict {
        words.push("--strict".to_owned());
    }
    if let Some(mutant) = mutant {
        words.extend(["--mutant".to_owned(), mutant.to_owned()]);
    }
    words.join(" ")
}

/// A word as a shell reads it back.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./@:,+=%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        let escaped = text.chars().fold(String::new(), |mut escaped, c| {
            match c {
                '\'' | '\\' => escaped.extend(['\\', c]),
                c if c.is_control() => {
                    for byte in c.to_string().bytes() {
                        let _ = write!(escaped, "\\x{byte:02x}");
                    }
                }
                c => escaped.push(c),
            }
            escaped
        });
        format!("$'{escaped}'")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_reads_back() {
        let paths = ["suite/a.yaml", "-odd", "a b's", "new\nline"].map(PathBuf::from);
        assert_eq!(
            reproduce(&paths, true, Some("always-success")),
            r"counterfoil run suite/a.yaml ./-odd 'a b'\''s' $'new\x0aline' --strict --mutant always-success"
        );
        assert_eq!(reproduce(&[], false, None), "counterfoil run");
    }
}
