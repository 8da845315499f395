//! The plugin's log: lines of JSON on standard error, in the form that hosts read (P-015).

use std::{
    io::{self, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

/// Logs a line at level `info`. Nobody misses it where standard error is closed.
pub(super) fn info(module: &str, message: &str) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = json!({
        "@level": "info",
        "@message": message,
        "@module": module,
        "@timestamp": timestamp(since.as_secs(), since.subsec_micros()),
    });
    let _ = writeln!(io::stderr(), "{line}");
}

/// A time since 1970 in the notation of RFC 3339.
fn timestamp(seconds: u64, micros: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Counted from the first of March of the year 0, so that a leap day is the last day of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        assert_eq!(timestamp(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(timestamp(951_782_399, 5), "2000-02-28T23:59:59.000005Z");
        assert_eq!(timestamp(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        assert_eq!(timestamp(1_704_067_199, 999_999), "2023-12-31T23:59:59.999999Z");
    }
}
