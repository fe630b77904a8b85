//! Foreign text made safe for terminals and windows: only printable characters and ANSI colours are left.
//!
//! Colours are SGR sequences (`ESC [ … m`, ECMA-48 8.3.117). Everything else that a terminal would act on is removed: cursor movement,
//! titles and links (OSC), device strings (DCS, APC, PM, SOS), C0 and C1 controls, and the Unicode characters that reorder text.

use std::borrow::Cow;

/// The longest parameter string of a colour that is kept.
const LONGEST_SGR: usize = 48;
const ESC: char = '\u{1b}';
const RESET: &str = "\u{1b}[0m";
/// Tabs are expanded to multiples of this many columns.
const TAB: usize = 8;

/// Makes one line safe. Of a line that overwrites itself (`10%\r20%`) the last state is left. A colour doesn't reach beyond the line.
pub fn line(text: &str) -> Cow<'_, str> {
    // Printable ASCII needs nothing. 0xc2 begins the C1 controls, 0xe2 and 0xef the characters that reorder text.
    if text.bytes().all(|b| matches!(b, 0x20..=0x7e | 0x80..=0xc1 | 0xc3..=0xe1 | 0xe3..=0xee | 0xf0..)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + RESET.len());
    let mut column = 0;
    let mut coloured = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ESC => match chars.next() {
                Some('[') => colour(&mut chars, &mut out, &mut coloured),
                Some(c) => escape(c, &mut chars),
                None => break,
            },
            '\u{9b}' => colour(&mut chars, &mut out, &mut coloured),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => string(&mut chars),
            '\t' => {
                let spaces = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            // What follows overwrites the line, unless nothing does.
            '\r' if chars.as_str().chars().any(|c| !c.is_control()) => {
                out.clear();
                column = 0;
                coloured = false;
            }
            '\u{8}' => {
                if out.chars().next_back().is_some_and(|c| c != 'm') {
                    out.pop();
                    column = column.saturating_sub(1);
                }
            }
            c if c.is_control() || reorders(c) => {}
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    if coloured {
        out.push_str(RESET);
    }
    Cow::Owned(out)
}

/// Makes one line safe and removes its colours, too.
pub fn plain(text: &str) -> Cow<'_, str> {
    let safe = line(text);
    if !safe.contains(ESC) {
        return safe;
    }
    let mut out = String::with_capacity(safe.len());
    for (i, part) in safe.split("\u{1b}[").enumerate() {
        out.push_str(if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) });
    }
    Cow::Owned(out)
}

/// Makes a text of several lines safe and removes its colours, too.
pub fn plain_text(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// The beginning of a text, at most `bytes` long, cut between characters.
pub fn prefix(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Bidirectional controls, line and paragraph separators, invisible operators, the byte order mark.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Reads a control sequence behind its introducer; keeps it when it is a colour.
fn colour(chars: &mut std::str::Chars<'_>, out: &mut String, coloured: &mut bool) {
    let sequence = chars.as_str();
    let end = sequence.bytes().position(|b| !matches!(b, 0x20..=0x3f)).unwrap_or(sequence.len());
    let (parameters, rest) = sequence.split_at(end);
    match rest.chars().next() {
        Some('m')
            if parameters.len() <= LONGEST_SGR
                && parameters.bytes().all(|b| matches!(b, b'0'..=b'9' | b';' | b':')) =>
        {
            *chars = rest.get(1..).unwrap_or_default().chars();
            out.push_str("\u{1b}[");
            out.push_str(parameters);
            out.push('m');
            *coloured = !parameters.bytes().all(|b| matches!(b, b'0' | b';'));
        }
        // Another sequence: gone with its final byte.
        Some('@'..='~') => *chars = rest.get(1..).unwrap_or_default().chars(),
        // Broken off by something that isn't part of a sequence: that is looked at by the caller.
        _ => *chars = rest.chars(),
    }
}

/// Skips an escape sequence that isn't a control sequence; `c` follows the ESC.
fn escape(c: char, chars: &mut std::str::Chars<'_>) {
    match c {
        ']' | 'P' | 'X' | '^' | '_' => string(chars),
        // Intermediate bytes, then a final one.
        ' '..='/' => {
            let rest = chars.as_str();
            let end = rest.bytes().position(|b| !matches!(b, 0x20..=0x2f)).unwrap_or(rest.len());
            let skip = if rest.as_bytes().get(end).is_some_and(|b| matches!(b, 0x30..=0x7e)) {
                end + 1
            } else {
                end
            };
            *chars = rest.get(skip..).unwrap_or_default().chars();
        }
        _ => {}
    }
}

/// Skips a string up to its terminator (BEL, ST), or to the line's end.
fn string(chars: &mut std::str::Chars<'_>) {
    while let Some(c) = chars.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            ESC => {
                // ST is ESC \; any other escape ends the string as well.
                if chars.as_str().starts_with('\\') {
                    chars.next();
                }
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_colours_and_text() {
        for same in [
            "",
            "plain",
            "Grüße, 世界 🎉",
            "\u{1b}[31mred\u{1b}[0m",
            "\u{1b}[1;38:5:208mx\u{1b}[m y",
            "naïve ’ → ©",
        ] {
            assert_eq!(line(same), same);
        }
        assert_eq!(line("\u{1b}[31mred"), "\u{1b}[31mred\u{1b}[0m");
        assert_eq!(plain("\u{1b}[31;1merror:\u{1b}[0m x"), "error: x");
        assert_eq!(plain_text("a\tb\n\u{1b}[1mc\u{7}"), "a       b\nc");
    }

    #[test]
    fn removes_what_a_terminal_would_do() {
        for (dirty, clean) in [
            ("a\u{1b}[2Jb", "ab"),
            ("a\u{1b}[10;10Hb\u{1b}[?25l", "ab"),
            ("a\u{1b}]0;title\u{7}b", "ab"),
            ("a\u{1b}]8;;https://x\u{1b}\\link\u{1b}]8;;\u{1b}\\b", "alinkb"),
            ("a\u{1b}P1$r\u{1b}\\b", "ab"),
            ("a\u{1b}_payload", "a"),
            ("a\u{1b}(0b\u{1b}c\u{1b}7d", "abd"),
            ("a\u{9b}2Jb\u{9d}0;t\u{9c}c", "abc"),
            ("a\u{9b}31mb", "a\u{1b}[31mb\u{1b}[0m"),
            ("a\u{1b}", "a"),
            ("a\u{1b}[", "a"),
            ("a\u{1b}[31", "a"),
            ("a\u{1b}[\u{1b}[32mb\u{1b}[0m", "a\u{1b}[32mb\u{1b}[0m"),
            ("a\u{1b}[>4;1mb", "ab"),
            ("a\u{0}\u{7}\u{7f}b", "ab"),
            ("a\u{202e}b\u{2066}c\u{feff}", "abc"),
            ("10%\r20%\r100%", "100%"),
            ("done\r", "done"),
            ("abc\u{8}d", "abd"),
            ("\tx", "        x"),
        ] {
            assert_eq!(line(dirty), clean, "{dirty:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn only_colours_are_left(dirty in "(?s)(.|[\u{1b}\\[\\]m;0-9\r\u{8}\u{9b}\u{9d}\u{7}\\\\P]){0,60}") {
            let clean = line(&dirty);
            for (i, part) in clean.split(ESC).enumerate() {
                if i > 0 {
                    let sequence = part.strip_prefix('[').unwrap();
                    let (parameters, _) = sequence.split_once('m').unwrap();
                    prop_assert!(parameters.bytes().all(|b| matches!(b, b'0'..=b'9' | b';' | b':')));
                }
                prop_assert!(!part.chars().any(|c| c.is_control() || reorders(c)), "{:?}", clean);
            }
            prop_assert_eq!(line(&clean), clean.clone());
            prop_assert!(!plain(&dirty).contains(ESC));
        }
    }
}
