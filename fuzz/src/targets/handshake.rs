//! The handshake line.

use counterfoil_proto::handshake::{Line, TooFewFields};

/// Reads a handshake line. What is read, written and read again stays the same.
pub fn handshake_line(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match text.parse::<Line>() {
        Ok(line) => {
            assert!((4..=7).contains(&line.fields()), "a line has 4 to 7 fields: {line:?}");
            assert_eq!(
                rewritten(&line),
                rewritten(&line).parse::<Line>().map_or_else(refused, |line| rewritten(&line))
            );
        }
        Err(TooFewFields(fields)) => {
            assert!((1..4).contains(&fields), "a line of {fields} fields is one");
        }
    }
}

/// The line as a host reads it: white space around it does not count.
fn rewritten(line: &Line) -> String {
    line.to_string().trim().to_owned()
}

fn refused(error: TooFewFields) -> String {
    panic!("a line is not read once it was written: {error}")
}
