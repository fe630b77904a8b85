//! Tables of a few columns: as wide as they are in a file, fitted to the width on a terminal.

use console::measure_text_width;

use super::text::{Paint, Tone, printable, shorten_middle};

/// The space between two columns.
const GAP: usize = 2;
/// A column is never made narrower than this.
const NARROWEST: usize = 8;

/// What is above a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    shrinks: bool,
}

impl Column {
    /// A column that always shows all.
    pub(crate) const fn whole(title: &'static str) -> Self {
        Self { title, shrinks: false }
    }

    /// A column that may leave out the middle of what is in it.
    pub(crate) const fn shrinking(title: &'static str) -> Self {
        Self { title, shrinks: true }
    }
}

/// What is in one place of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Text, made printable, in the colour of its tone.
    pub(crate) fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: printable(text.as_ref()).into_owned(), tone }
    }
}

impl<S: AsRef<str>> From<S> for Cell {
    fn from(text: S) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// Rows below a heading.
#[derive(Clone, Debug)]
pub(crate) struct Table<const COLUMNS: usize> {
    heading: [Column; COLUMNS],
    rows: Vec<[Cell; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty table.
    pub(crate) fn new(heading: [Column; COLUMNS]) -> Self {
        Self { heading, rows: Vec::new() }
    }

    /// Adds a row below the others.
    pub(crate) fn row(&mut self, cells: [Cell; COLUMNS]) {
        self.rows.push(cells);
    }

    /// The lines of the table, in at most `width` columns where there is a limit that leaves enough room.
    pub(crate) fn lines(&self, paint: Paint, width: Option<usize>) -> Vec<String> {
        let widths = self.widths(width);
        let heading = self.heading.map(|column| Cell::new(column.title, Tone::Quiet));
        std::iter::once(&heading).chain(&self.rows).map(|row| line(row, &widths, paint)).collect()
    }

    fn widths(&self, limit: Option<usize>) -> [usize; COLUMNS] {
        let mut widths = self.heading.map(|column| column.title.len());
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(&cell.text));
            }
        }
        let Some(room) = limit.map(|limit| limit.saturating_sub(GAP * COLUMNS.saturating_sub(1))) else {
            return widths;
        };
        while widths.iter().sum::<usize>() > room {
            let shrinking = widths.iter_mut().zip(&self.heading).filter(|(_, column)| column.shrinks);
            match shrinking.map(|(width, _)| width).filter(|width| **width > NARROWEST).max() {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        widths
    }
}

fn line<const COLUMNS: usize>(row: &[Cell; COLUMNS], widths: &[usize; COLUMNS], paint: Paint) -> String {
    let mut line = String::new();
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    for (index, (cell, &width)) in row.iter().zip(widths).enumerate().take(last + 1) {
        let text = shorten_middle(&cell.text, width);
        let fill = if index == last { 0 } else { width + GAP - measure_text_width(&text) };
        line.push_str(&paint.tone(cell.tone, &text));
        line.extend(std::iter::repeat_n(' ', fill));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<3> {
        let mut table =
            Table::new([Column::shrinking("NAME"), Column::whole("STATUS"), Column::shrinking("MODULES")]);
        table.row(["hello".into(), "running".into(), "hello".into()]);
        table.row(["a-name-that-is-rather-long-for-a-machine".into(), "stopped".into(), "".into()]);
        table.row(["ünïcode".into(), "".into(), "one, two, three, four\x1b[2J".into()]);
        table
    }

    #[test]
    fn a_file_gets_whole_names() {
        insta::assert_snapshot!(table().lines(Paint { colour: false }, None).join("\n"), @r"
        NAME                                      STATUS   MODULES
        hello                                     running  hello
        a-name-that-is-rather-long-for-a-machine  stopped
        ünïcode                                            one, two, three, four�[2J
        ");
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let lines = table().lines(Paint { colour: false }, Some(40));
        assert!(lines.iter().all(|line| measure_text_width(line) <= 40), "{lines:#?}");
        insta::assert_snapshot!(lines.join("\n"), @r#"
        NAME             STATUS   MODULES
        hello            running  hello
        a-name-…machine  stopped
        ünïcode                   one, tw…ur�[2J
        "#);
    }

    #[test]
    fn a_terminal_that_is_too_narrow_gets_something() {
        let lines = table().lines(Paint { colour: false }, Some(3));
        assert_eq!(lines[2], "a-na…ine  stopped");
    }
}
