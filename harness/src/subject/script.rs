//! An executable that starts this program as a plugin.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

/// The text of an executable that is `program`, which is ours, with these arguments. `remark` is a line that says where
/// it comes from.
pub fn script(remark: &str, program: &Path, arguments: &[&OsStr]) -> Vec<u8> {
    let mut script = head(remark);
    script.extend([b"exec ", &*quoted(program.as_os_str().as_bytes())].concat());
    for argument in arguments {
        script.push(b' ');
        script.extend(quoted(argument.as_bytes()));
    }
    script.push(b'\n');
    script
}

/// The first lines of such an executable.
pub fn head(remark: &str) -> Vec<u8> {
    format!("#!/bin/sh\n# {remark}\n").into_bytes()
}

/// A word of the shell that means these bytes.
fn quoted(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for byte in word {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_anything_in_it_is_one_word_of_the_shell() {
        let arguments = ["mock", "serve", "--profile", "reference"].map(OsStr::new);
        let script = script("Ours.", Path::new("/a b/it's $HOME/counterfoil"), &arguments);
        let expected = r"exec '/a b/it'\''s $HOME/counterfoil' 'mock' 'serve' '--profile' 'reference'";
        assert!(String::from_utf8(script).unwrap().ends_with(&format!("{expected}\n")));
    }
}
