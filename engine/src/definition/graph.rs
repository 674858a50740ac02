//! The definition as a picture: stages as nodes, moves as arrows, limits beside the stages they hold for.
//!
//! Mermaid is what Git hosts and wikis draw; DOT is what Graphviz draws. Rules without stages stand in a box of their own.

use std::fmt::Write;

use super::{Definition, Rule, Stage, WithinCase, duration};
use crate::event::Kind;

impl Definition {
    /// Draws the definition as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let escape = |text: &str| {
            text.replace('&', "#amp;")
                .replace('"', "#quot;")
                .replace('<', "#lt;")
        };
        let mut out = "flowchart TD\n".to_owned();
        for (number, stage) in self.stages.iter().enumerate() {
            let lines: Vec<String> = self.label(stage).iter().map(|line| escape(line)).collect();
            line(
                &mut out,
                &format!("  s{number}[\"{}\"]", lines.join("<br/>")),
            );
        }
        for arrow in self.arrows() {
            let label = match arrow.label.as_str() {
                "" => String::new(),
                label => format!("|\"{}\"|", escape(label)),
            };
            let from = arrow
                .from
                .map_or("start((\" \"))".to_owned(), |from| format!("s{from}"));
            line(&mut out, &format!("  {from} -->{label} s{}", arrow.to));
        }
        let others = self.rules_without_stages();
        if !others.is_empty() {
            line(&mut out, "  subgraph rules [\"without stages\"]");
            for (number, label) in others.iter().enumerate() {
                line(&mut out, &format!("    r{number}[\"{}\"]", escape(label)));
            }
            line(&mut out, "  end");
        }
        out
    }

    /// Draws the definition as a Graphviz digraph.
    pub fn dot(&self) -> String {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut out = format!("digraph \"{}\" {{\n", escape(&self.name));
        line(&mut out, "  node [shape=box, style=rounded];");
        for (number, stage) in self.stages.iter().enumerate() {
            let lines: Vec<String> = self.label(stage).iter().map(|line| escape(line)).collect();
            line(
                &mut out,
                &format!("  s{number} [label=\"{}\"];", lines.join("\\n")),
            );
        }
        let arrows = self.arrows();
        if arrows.iter().any(|arrow| arrow.from.is_none()) {
            line(&mut out, "  start [shape=point];");
        }
        for arrow in arrows {
            let from = arrow
                .from
                .map_or("start".to_owned(), |from| format!("s{from}"));
            line(
                &mut out,
                &format!(
                    "  {from} -> s{} [label=\"{}\"];",
                    arrow.to,
                    escape(&arrow.label)
                ),
            );
        }
        for (number, label) in self.rules_without_stages().iter().enumerate() {
            line(
                &mut out,
                &format!("  r{number} [shape=note, label=\"{}\"];", escape(label)),
            );
        }
        line(&mut out, "}");
        out
    }

    /// A stage's name, and under it the limits that hold there.
    fn label(&self, stage: &Stage) -> Vec<String> {
        let limits = self
            .rules
            .iter()
            .filter_map(|rule| stage_limit(rule, &stage.name));
        std::iter::once(stage.name.to_string())
            .chain(limits)
            .collect()
    }

    fn arrows(&self) -> Vec<Arrow> {
        let number = |name: &str| self.stages.iter().position(|stage| *stage.name == *name);
        let label = |stage: &Stage| {
            let kinds: Vec<&str> = stage.entered_by.iter().map(Kind::name).collect();
            kinds.join(" or ")
        };
        let moves = self.stages.iter().enumerate().flat_map(|(from, stage)| {
            stage
                .next
                .iter()
                .filter_map(move |next| Some((from, number(next)?)))
        });
        let moves: Vec<Arrow> = moves
            .map(|(from, to)| Arrow {
                from: Some(from),
                to,
                label: label(&self.stages[to]),
            })
            .collect();
        let led_to = |to: usize| moves.iter().any(|arrow| arrow.to == to);
        let starts = (0..self.stages.len()).filter(|to| *to == 0 || !led_to(*to));
        let starts = starts.map(|to| Arrow {
            from: None,
            to,
            label: label(&self.stages[to]),
        });
        starts.chain(moves.iter().cloned()).collect()
    }

    fn rules_without_stages(&self) -> Vec<String> {
        let rules = self.rules.iter().filter(|rule| !speaks_of_stages(rule));
        rules
            .map(|rule| format!("{}: {}", rule.id, cases(rule)))
            .collect()
    }
}

/// A move, or the way in: to the first stage, and to any that no other leads to.
#[derive(Clone)]
struct Arrow {
    from: Option<usize>,
    to: usize,
    label: String,
}

fn speaks_of_stages(rule: &Rule) -> bool {
    let mut when = rule.within.cases.iter().flat_map(|case| &case.when);
    when.any(|(name, _)| &**name == "stage")
}

/// Writes the limits that a rule sets for one stage.
fn stage_limit(rule: &Rule, stage: &str) -> Option<String> {
    if !speaks_of_stages(rule) {
        return None;
    }
    let here = rule.within.cases.iter().filter(|case| {
        let mut named = case.when.iter().filter(|(name, _)| &**name == "stage");
        named.all(|(_, value)| &**value == stage)
    });
    let limits: Vec<String> = here.map(|case| limit(case, "stage")).collect();
    (!limits.is_empty()).then(|| format!("{}: {}", rule.id, limits.join(", ")))
}

fn cases(rule: &Rule) -> String {
    let limits: Vec<String> = rule
        .within
        .cases
        .iter()
        .map(|case| limit(case, ""))
        .collect();
    limits.join(", ")
}

/// Writes a case, leaving out the dimension that the place says already.
fn limit(case: &WithinCase, but: &str) -> String {
    let limit = case.limit.map_or("no limit".to_owned(), duration::show);
    let when = case.when.iter().filter(|(name, _)| **name != *but);
    let when: Vec<String> = when
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    if when.is_empty() {
        limit
    } else {
        format!("{limit} ({})", when.join(", "))
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
definition: the "small" one
version: "1"
stages:
  - { name: asked, entered_by: [application.submitted], next: [checked] }
  - { name: checked, next: [paid, asked] }
  - { name: paid, entered_by: [funds.disbursed] }
rules:
  - id: stalled
    for: application
    after: [application.submitted, stage.entered]
    expect: [stage.entered, funds.disbursed]
    within:
      - { when: { stage: asked, tier: A }, is: 1d }
      - { when: { stage: asked }, is: 2d }
      - { when: { stage: checked }, is: none }
    raise: { kind: application_stalled }
  - { id: quiet, for: application, after: any, expect: any, within: 5d, raise: { kind: application_quiet } }
"#;

    #[test]
    fn mermaid_shows_stages_moves_and_limits() {
        let (definition, _) = Definition::parse(TEXT).expect("valid");
        assert_eq!(
            definition.mermaid(),
            r#"flowchart TD
  s0["asked<br/>stalled: 24h (tier A), 2d"]
  s1["checked<br/>stalled: no limit"]
  s2["paid"]
  start((" ")) -->|"application.submitted"| s0
  s0 --> s1
  s1 -->|"funds.disbursed"| s2
  s1 -->|"application.submitted"| s0
  subgraph rules ["without stages"]
    r0["quiet: 5d"]
  end
"#
        );
    }

    #[test]
    fn dot_escapes_what_would_end_a_label() {
        let (definition, _) = Definition::parse(TEXT).expect("valid");
        let dot = definition.dot();
        assert!(
            dot.starts_with("digraph \"the \\\"small\\\" one\" {\n"),
            "{dot}"
        );
        assert!(
            dot.contains("s0 [label=\"asked\\nstalled: 24h (tier A), 2d\"];"),
            "{dot}"
        );
        assert!(
            dot.contains("s1 -> s2 [label=\"funds.disbursed\"];"),
            "{dot}"
        );
    }
}
