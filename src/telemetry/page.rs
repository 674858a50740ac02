//! The page of metrics, read back: Prometheus's text format, as far as we write it ourselves.

use std::collections::BTreeMap;

/// A page: its rows, in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Page(Vec<Row>);

/// One row: what is counted, of what, and how much.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The name of the metric: `waymark_alerts_total`.
    pub(crate) name: String,
    labels: BTreeMap<String, String>,
    /// Its value.
    pub(crate) value: f64,
}

impl Page {
    /// Reads a page. Comments and lines that make no sense are passed over: a later release may say more than we know.
    pub(crate) fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(row).collect())
    }

    /// Returns all rows of a metric.
    pub(crate) fn rows<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Row> {
        self.0.iter().filter(move |row| row.name == name)
    }
}

impl Row {
    /// Returns the value of a label; an empty text if the row hasn't got it.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// `name{label="value",…} 17`, perhaps with a time behind.
fn row(line: &str) -> Option<Row> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels)?;
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Row {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Returns what follows the closing brace.
fn read_labels<'l>(mut text: &'l str, labels: &mut BTreeMap<String, String>) -> Option<&'l str> {
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some(rest);
        }
        let (name, quoted) = text.split_once("=\"")?;
        let (value, rest) = unquoted(quoted)?;
        labels.insert(name.to_owned(), value);
        text = rest;
    }
}

/// Reads up to the closing quotation mark; returns what stood there, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use waymark_engine::derived::Status;

    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn what_we_write_is_read_back() {
        let metrics = Metrics::new();
        let stage = metrics.stage("customer");
        let odd = "a \"kind\" \\ of\nmine, {odd}";
        stage.alert(odd, Status::Raised);
        stage.alert(odd, Status::Raised);
        stage.alert("nps_shift", Status::Resolved);
        metrics.shard("customer", 7).lag_seconds.set(0.25);
        let page = Page::read(&metrics.page());
        let rows: Vec<_> = page.rows("waymark_alerts_total").collect();
        let told = rows
            .iter()
            .map(|row| (row.label("kind"), row.label("status"), row.value));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(odd, "raised", 2.0), ("nps_shift", "resolved", 1.0)]);
        let lag = page.rows("waymark_source_lag_seconds").next().unwrap();
        assert_eq!((lag.label("shard"), lag.label("nothing")), ("7", ""));
        assert!((lag.value - 0.25).abs() < 1e-9);
    }

    #[test]
    fn what_makes_no_sense_is_passed_over() {
        let page = Page::read("# HELP a b\na 1 1700000000\nb{c=\"d} 1\nc{ 1\nd\n\ne{} x\nf{} 2\n");
        let names: Vec<_> = page.0.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["a", "f"]);
    }
}
