//! Words, widths and colours.

use std::{borrow::Cow, fmt::Display};

use codchi_controller::activity::{LogLevel, LogLine};
use console::{Style, measure_text_width, strip_ansi_codes};
use time::{Duration, OffsetDateTime, macros::format_description};

/// Colours, where they are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    /// Whether they are.
    pub(crate) colour: bool,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    Plain,
    /// A name or a heading.
    Strong,
    /// Less important.
    Quiet,
    /// Good, or runs.
    Good,
    /// Works on something.
    Busy,
    /// Needs attention.
    Attention,
    /// Failed.
    Bad,
}

impl Paint {
    /// The text in the colour of its tone.
    pub(crate) fn tone(self, tone: Tone, text: impl Display) -> String {
        let style = Style::new().force_styling(self.colour);
        let style = match tone {
            Tone::Plain => return text.to_string(),
            Tone::Strong => style.bold(),
            Tone::Quiet => style.dim(),
            Tone::Good => style.green(),
            Tone::Busy => style.blue(),
            Tone::Attention => style.yellow(),
            Tone::Bad => style.red(),
        };
        style.apply_to(text).to_string()
    }

    /// A line of a log: its own colours are kept where colours are allowed.
    pub(crate) fn log_text(self, text: &str) -> Cow<'_, str> {
        if self.colour && text.contains('\x1b') {
            Cow::Owned(format!("{text}\x1b[0m"))
        } else {
            strip_ansi_codes(text)
        }
    }
}

/// Lines of a log one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLines {
    paint: Paint,
    previous: Option<LogLevel>,
}

impl LogLines {
    /// From the first line on.
    pub(crate) fn new(paint: Paint) -> Self {
        Self { paint, previous: None }
    }

    /// The next line, with the name of what printed it. Only the first of several lines of a warning or an error is labelled so.
    pub(crate) fn next(&mut self, line: &LogLine, activity: Option<&str>) -> String {
        let paint = self.paint;
        let text = paint.log_text(&line.text);
        let begins = self.previous.replace(line.level) != Some(line.level);
        let text = match line.level {
            LogLevel::Warning if begins => with_label(&text, &paint, "warning", Tone::Attention),
            LogLevel::Error if begins => with_label(&text, &paint, "error", Tone::Bad),
            _ => text.into_owned(),
        };
        match activity {
            Some(name) => format!("{} {text}", paint.tone(Tone::Quiet, format_args!("{name}>"))),
            None => text,
        }
    }
}

/// Puts `label: ` before the text unless it says so itself.
fn with_label(text: &str, paint: &Paint, label: &str, tone: Tone) -> String {
    if strip_ansi_codes(text).trim_start().starts_with(label) {
        text.to_owned()
    } else {
        format!("{} {text}", paint.tone(tone, format_args!("{label}:")))
    }
}

/// Text from outside in a form that can't move the cursor, change colours or break the line.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(harmful) {
        Cow::Owned(text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text in at most `width` columns, with `…` for what is left out of its middle.
pub(crate) fn shorten_middle(text: &str, width: usize) -> Cow<'_, str> {
    if measure_text_width(text) <= width {
        return Cow::Borrowed(text);
    }
    let Some(room) = width.checked_sub(1) else { return Cow::Borrowed("") };
    let tail_room = room / 2;
    let head = take_columns(text.chars(), room - tail_room);
    let tail: String = take_columns(text.chars().rev(), tail_room).chars().rev().collect();
    Cow::Owned(format!("{head}…{tail}"))
}

/// The text in at most `width` columns, with `…` for what is left out at its end. Keeps colours.
pub(crate) fn shorten_end(text: &str, width: usize) -> Cow<'_, str> {
    console::truncate_str(text, width, "…")
}

fn take_columns(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = String::new();
    for character in characters {
        taken.push(character);
        if measure_text_width(&taken) > columns {
            taken.pop();
            break;
        }
    }
    taken
}

/// A span of time in the two greatest units that matter.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.whole_seconds().max(0);
    match seconds {
        0..=9 => format!("{:.1} s", span.as_seconds_f64().max(0.0)),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A moment, to the minute.
pub(crate) fn moment(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC)
        .format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC"))
        .unwrap_or_else(|_| at.to_string())
}

/// A number of bytes.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `1 thing`, `2 things`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Paint = Paint { colour: false };

    #[test]
    fn text_from_outside_stays_on_its_line() {
        assert_eq!(printable("a\x1b[2Jb\r\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(printable("größe – 大"), "größe – 大");
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten_middle("a-very-long-machine-name", 11), "a-ver…-name");
        assert_eq!(shorten_middle("short", 11), "short");
        assert_eq!(shorten_middle("大大大大大大", 7), "大…大");
        assert_eq!(shorten_middle("xyz", 0), "");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(duration(Duration::milliseconds(1234)), "1.2 s");
        assert_eq!(duration(Duration::seconds(75)), "1 min 15 s");
        assert_eq!(duration(Duration::seconds(7260)), "2 h 01 min");
        assert_eq!(duration(Duration::seconds(-5)), "0.0 s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(12_345_678), "12.3 MB");
    }

    #[test]
    fn log_lines_are_labelled_once_and_coloured_only_where_allowed() {
        let line = |level, text: &str| LogLine { activity: None, level, text: text.into() };
        let mut lines = LogLines::new(PLAIN);
        assert_eq!(lines.next(&line(LogLevel::Warning, "odd"), None), "warning: odd");
        assert_eq!(lines.next(&line(LogLevel::Warning, "  and more of it"), None), "  and more of it");
        assert_eq!(lines.next(&line(LogLevel::Error, "error: no"), None), "error: no");
        assert_eq!(lines.next(&line(LogLevel::Output, "\x1b[31mred\x1b[0m"), Some("hello")), "hello> red");
        let mut colour = LogLines::new(Paint { colour: true });
        assert_eq!(colour.next(&line(LogLevel::Output, "\x1b[31mred"), None), "\x1b[31mred\x1b[0m");
    }
}
