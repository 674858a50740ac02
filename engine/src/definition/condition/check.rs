//! Types of conditions: what is refused when the file is read, so that it can't go wrong when an event comes.
//!
//! The checker walks the syntax tree once. It knows every name a condition may use and every operator and function we
//! support, and it collects the names used. What it does not know, it refuses by name.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use super::{ConditionError, Used, error, fields};
use crate::definition::KindSet;
use crate::definition::names::{choices, nearest, suggestion};
use crate::event::Kind;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Type {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// Any other number.
    Number,
    /// A text.
    Text,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of whole numbers.
    Ints,
    /// The values of a custom event.
    Values,
    /// One of them: known only when the event comes.
    Any,
    /// Nothing.
    Null,
    /// Something that a condition can't look into.
    Opaque,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Type::Bool => "a yes or no",
            Type::Int => "a whole number",
            Type::Number => "a number with decimals",
            Type::Text | Type::Word(_) => "a text",
            Type::Texts => "a list of texts",
            Type::Ints => "a list of numbers",
            Type::Values => "a set of values",
            Type::Any => "a value of a custom event",
            Type::Null => "null",
            Type::Opaque => "something a condition can't look into",
        }
    }

    /// Whether the two can be equal at all.
    fn meets(self, other: Type) -> bool {
        use Type::{Any, Int, Null, Number, Opaque, Text, Values, Word};
        match (self, other) {
            (Opaque | Values, _) | (_, Opaque | Values) => false,
            (Any | Null, _)
            | (_, Any | Null)
            | (Int | Number, Int | Number)
            | (Text | Word(_), Text | Word(_)) => true,
            (one, other) => one == other,
        }
    }
}

/// Checks a condition on events of certain kinds and returns the names it uses.
///
/// # Errors
/// The first thing that does not fit.
pub(super) fn check(expression: &IdedExpr, kinds: KindSet) -> Result<Used, ConditionError> {
    let mut checker = Checker {
        kinds,
        used: Used::default(),
        depth: 0,
    };
    match checker.type_of(expression)? {
        Type::Bool => Ok(checker.used),
        other => Err(error(
            format!("the condition is {}, not a yes or no", other.name()),
            "compare it with something, such as event.amount >= 1000000",
        )),
    }
}

struct Checker {
    kinds: KindSet,
    used: Used,
    depth: usize,
}

// Evaluation calls itself for each level, some 35 KiB of stack each without optimisation: 24 fit well into 2 MiB. Chains
// of && and || are balanced by the parser, so that a list of forty comparisons is six levels deep.
const DEPTH_MAX: usize = 24;

type Typed = Result<Type, ConditionError>;

const ROOTS: [&str; 3] = ["event", "application", "dimensions"];
const APPLICATION: [(&str, Type); 3] = [
    ("product", Type::Text),
    ("amount", Type::Int),
    ("stage", Type::Text),
];
const FUNCTIONS: [&str; 4] = ["startsWith", "endsWith", "contains", "size"];

impl Checker {
    fn type_of(&mut self, expression: &IdedExpr) -> Typed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(error(
                format!("the condition is more than {DEPTH_MAX} operators deep"),
                "split the rule in two",
            ));
        }
        let found = self.type_at_depth(expression);
        self.depth -= 1;
        found
    }

    fn type_at_depth(&mut self, expression: &IdedExpr) -> Typed {
        match &expression.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(&list.elements),
            Expr::Ident(name) if ROOTS.contains(&name.as_str()) => Err(error(
                format!("{name} has no value of its own"),
                format!("write a field of it, such as {name}.{}", example(name)),
            )),
            Expr::Ident(name) => Err(error(
                format!("unknown name {name:?}"),
                match nearest(name, ROOTS) {
                    Some(root) => format!("did you mean {root:?}?"),
                    None => format!("{}; texts stand in quotes", choices(ROOTS.into_iter())),
                },
            )),
            Expr::Comprehension(_) => Err(error(
                "all, exists, filter and map are not supported in conditions",
                "to look for a value in a list write: \"x\" in event.documents",
            )),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err(error(
                "maps and structs are not supported in conditions",
                "compare one field at a time, joined by && or ||",
            )),
        }
    }

    fn select(&mut self, select: &SelectExpr) -> Typed {
        if select.test {
            return Err(error(
                "has(...) is not supported in conditions",
                format!(
                    "an absent field is null: write ... != null instead of has(....{})",
                    select.field
                ),
            ));
        }
        self.field(&select.operand, &select.field)
    }

    /// A field of one of the roots, or a value of a custom event.
    fn field(&mut self, of: &IdedExpr, name: &str) -> Typed {
        if let Expr::Ident(root) = &of.expr {
            match root.as_str() {
                "event" => return self.event_field(name),
                "application" => return self.application_field(name),
                "dimensions" => {
                    self.used.dimensions.insert(name.to_owned());
                    return Ok(Type::Text);
                }
                _ => {}
            }
        }
        match self.type_of(of)? {
            Type::Values => Ok(Type::Any),
            other => Err(error(
                format!("{} has no field {name:?}", other.name()),
                choices(ROOTS.into_iter()),
            )),
        }
    }

    fn event_field(&mut self, name: &str) -> Typed {
        let common = fields::COMMON.into_iter();
        let own = self.kinds.iter().flat_map(fields::of_kind);
        let known = common.chain(own).collect::<Vec<_>>();
        let mut types = known.iter().filter(|(known, _)| *known == name);
        let Some((_, found)) = types.next() else {
            return Err(Self::unknown_field(name, &known));
        };
        let found = if types.all(|(_, other)| other == found) {
            *found
        } else {
            Type::Any
        };
        if found == Type::Opaque {
            return Err(error(
                format!("event.{name} can't be compared in a condition"),
                "leave it out",
            ));
        }
        self.used.event.insert(name.to_owned());
        Ok(found)
    }

    fn unknown_field(name: &str, known: &[(&'static str, Type)]) -> ConditionError {
        let names = || known.iter().map(|(name, _)| *name);
        let has = |kind: &&Kind| {
            fields::of_kind(**kind)
                .iter()
                .any(|(field, _)| *field == name)
        };
        let help = match (nearest(name, names()), Kind::ALL.iter().find(has)) {
            (Some(near), _) => format!("did you mean event.{near}?"),
            (None, Some(kind)) => format!("{kind} has it: add this kind, or leave the field out"),
            (None, None) => {
                let mut names = names().collect::<Vec<_>>();
                names.sort_unstable();
                names.dedup();
                choices(names.into_iter())
            }
        };
        error(format!("no event selected here has a field {name:?}"), help)
    }

    fn application_field(&mut self, name: &str) -> Typed {
        let known = APPLICATION.iter().find(|(known, _)| *known == name);
        let Some((_, found)) = known else {
            return Err(error(
                format!("application has no field {name:?}"),
                suggestion(name, APPLICATION.map(|(name, _)| name)),
            ));
        };
        self.used.application.insert(name.to_owned());
        Ok(*found)
    }

    fn list(&mut self, elements: &[IdedExpr]) -> Typed {
        let mut types = Vec::new();
        for element in elements {
            types.push(self.type_of(element)?);
        }
        let all = |wanted: Type| !types.is_empty() && types.iter().all(|found| found.meets(wanted));
        match (all(Type::Text), all(Type::Int)) {
            (true, _) => Ok(Type::Texts),
            (_, true) => Ok(Type::Ints),
            _ => Err(error(
                "a list must hold texts only or numbers only",
                "write for example: application.product in [\"term_loan\", \"leasing\"]",
            )),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Typed {
        use operators::{
            ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS,
            LESS_EQUALS, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, MODULO, MULTIPLY, NEGATE,
            NOT_EQUALS, SUBSTRACT,
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (LOGICAL_AND | LOGICAL_OR, [left, right]) => self.both_bool(left, right),
            (LOGICAL_NOT, [operand]) => self.of_type(operand, Type::Bool, "!"),
            (EQUALS | NOT_EQUALS, [left, right]) => self.equality(left, right),
            (LESS | LESS_EQUALS | GREATER | GREATER_EQUALS, [left, right]) => {
                self.order(left, right)
            }
            (IN, [item, list]) => self.membership(item, list),
            (ADD | SUBSTRACT | MULTIPLY | DIVIDE | MODULO, [left, right]) => {
                self.arithmetic(&call.func_name, left, right)
            }
            (NEGATE, [operand]) => match self.type_of(operand)? {
                number @ (Type::Int | Type::Number | Type::Any) => Ok(number),
                other => Err(misfit("-", other)),
            },
            (CONDITIONAL, [test, yes, no]) => self.choice(test, yes, no),
            (INDEX, [of, index]) => self.index(of, index),
            (name, arguments) => self.function(name, call.target.as_deref(), arguments),
        }
    }

    fn of_type(&mut self, operand: &IdedExpr, wanted: Type, operator: &str) -> Typed {
        match self.type_of(operand)? {
            Type::Any => Ok(wanted),
            found if found == wanted => Ok(wanted),
            other => Err(misfit(operator, other)),
        }
    }

    fn both_bool(&mut self, left: &IdedExpr, right: &IdedExpr) -> Typed {
        self.of_type(left, Type::Bool, "&& and ||")?;
        self.of_type(right, Type::Bool, "&& and ||")
    }

    fn equality(&mut self, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let types = (self.type_of(left)?, self.type_of(right)?);
        if !types.0.meets(types.1) {
            return Err(never_equal(types));
        }
        known_word(types.0, right)?;
        known_word(types.1, left)?;
        Ok(Type::Bool)
    }

    fn order(&mut self, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let types = (self.type_of(left)?, self.type_of(right)?);
        let ordered = |found: Type| {
            matches!(
                found,
                Type::Int | Type::Number | Type::Text | Type::Word(_) | Type::Any
            )
        };
        if ordered(types.0) && ordered(types.1) && types.0.meets(types.1) {
            return Ok(Type::Bool);
        }
        Err(error(
            format!("{} and {} have no order", types.0.name(), types.1.name()),
            "compare numbers with numbers and texts with texts; only texts stand in quotes",
        ))
    }

    fn membership(&mut self, item: &IdedExpr, list: &IdedExpr) -> Typed {
        let item_type = self.type_of(item)?;
        let fits = match self.type_of(list)? {
            Type::Texts | Type::Values => item_type.meets(Type::Text),
            Type::Ints => item_type.meets(Type::Int),
            other => return Err(misfit("in", other)),
        };
        if !fits {
            return Err(error(
                format!("the list can't hold {}", item_type.name()),
                "look for a text among texts, or for a number among numbers",
            ));
        }
        if let Expr::List(list) = &list.expr {
            list.elements
                .iter()
                .try_for_each(|element| known_word(item_type, element))?;
        }
        Ok(Type::Bool)
    }

    fn arithmetic(&mut self, operator: &str, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let sign = operator.trim_matches('_');
        match (self.type_of(left)?, self.type_of(right)?) {
            (Type::Int | Type::Any, Type::Int) | (Type::Int, Type::Any) => Ok(Type::Int),
            (Type::Number | Type::Any, Type::Number) | (Type::Number, Type::Any)
                if operator != operators::MODULO =>
            {
                Ok(Type::Number)
            }
            (Type::Any, Type::Any) => Ok(Type::Any),
            (Type::Int, Type::Number) | (Type::Number, Type::Int) => Err(error(
                format!("{sign} can't mix whole numbers and numbers with decimals"),
                "write both without decimals",
            )),
            (Type::Int | Type::Number, other) | (other, _) => Err(misfit(sign, other)),
        }
    }

    fn choice(&mut self, test: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Typed {
        self.of_type(test, Type::Bool, "?")?;
        let (yes, no) = (self.type_of(yes)?, self.type_of(no)?);
        match yes.meets(no) {
            true if yes == no => Ok(yes),
            true => Ok(Type::Any),
            false => Err(never_equal((yes, no))),
        }
    }

    fn index(&mut self, of: &IdedExpr, index: &IdedExpr) -> Typed {
        if let Expr::Literal(LiteralValue::String(name)) = &index.expr {
            return self.field(of, name.inner());
        }
        match (self.type_of(of)?, self.type_of(index)?) {
            (Type::Texts, Type::Int) => Ok(Type::Text),
            (Type::Ints, Type::Int) => Ok(Type::Int),
            (other, _) => Err(misfit("[ ]", other)),
        }
    }

    fn function(&mut self, name: &str, target: Option<&IdedExpr>, arguments: &[IdedExpr]) -> Typed {
        match (name, target, arguments) {
            ("startsWith" | "endsWith" | "contains", Some(target), [argument]) => {
                for operand in [target, argument] {
                    match self.type_of(operand)? {
                        Type::Text | Type::Word(_) | Type::Any => {}
                        other => return Err(misfit(name, other)),
                    }
                }
                Ok(Type::Bool)
            }
            ("size", None, [operand]) | ("size", Some(operand), []) => {
                match self.type_of(operand)? {
                    Type::Text | Type::Word(_) | Type::Texts | Type::Ints => Ok(Type::Int),
                    other => Err(misfit(name, other)),
                }
            }
            _ if FUNCTIONS.contains(&name) => Err(error(
                format!("{name} takes other arguments"),
                "write event.reason.startsWith(\"x\"), .endsWith(\"x\"), .contains(\"x\") or size(event.documents)",
            )),
            _ => Err(error(
                format!("function {name:?} is not supported in conditions"),
                suggestion(name, FUNCTIONS),
            )),
        }
    }
}

fn literal_type(literal: &LiteralValue) -> Typed {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(_) => Ok(Type::Int),
        LiteralValue::Double(_) => Ok(Type::Number),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Null => Ok(Type::Null),
        LiteralValue::UInt(_) | LiteralValue::Bytes(_) => Err(error(
            "unsigned numbers and bytes are not supported in conditions",
            "write numbers without u and texts without b",
        )),
    }
}

/// Refuses a text that the other side can never be.
fn known_word(found: Type, other: &IdedExpr) -> Result<(), ConditionError> {
    match (found, &other.expr) {
        (Type::Word(words), Expr::Literal(LiteralValue::String(text)))
            if !words.contains(&text.inner()) =>
        {
            Err(error(
                format!("no event says {:?} here", text.inner()),
                suggestion(text.inner(), words.iter().copied()),
            ))
        }
        _ => Ok(()),
    }
}

fn misfit(operator: &str, found: Type) -> ConditionError {
    error(
        format!("{operator} does not work on {}", found.name()),
        "numbers stand without quotes, texts in quotes; compare before you join by && or ||",
    )
}

fn never_equal((left, right): (Type, Type)) -> ConditionError {
    error(
        format!("{} is never equal to {}", left.name(), right.name()),
        "numbers and true or false stand without quotes, texts in quotes",
    )
}

fn example(root: &str) -> &'static str {
    match root {
        "event" => "channel",
        "application" => "product",
        _ => "tier",
    }
}
