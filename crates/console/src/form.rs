//! A form: what it asks, what was typed, and what is wrong with it. It reads an object of the API into
//! its inputs, and its inputs into the body of a call.

mod input;

pub(crate) use input::{Choice, Input, Kind, lines};

use serde_json::{Map, Value};

use crate::{api::Refusal, failure::Failure, fields::Fields};

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    /// Where it goes.
    pub(crate) action: String,
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    /// What its button says.
    pub(crate) button: &'static str,
    pub(crate) inputs: Vec<Input>,
    /// Faults of no input of its own.
    pub(crate) faults: Vec<String>,
    /// Other things that can be done with what was typed: the value of `do`, and what the button says.
    pub(crate) others: Vec<(&'static str, &'static str)>,
    /// Whether it opens by a click; with faults it is open.
    pub(crate) folded: bool,
    /// What its ids begin with, where a page has two forms with the same names.
    pub(crate) prefix: &'static str,
}

impl Sheet {
    pub(crate) fn new(action: impl Into<String>, button: &'static str, inputs: Vec<Input>) -> Self {
        Self {
            action: action.into(),
            button,
            inputs,
            ..Self::default()
        }
    }

    pub(crate) fn titled(self, title: &'static str, intro: &'static str) -> Self {
        Self { title, intro, ..self }
    }

    /// Opens by a click, under its title.
    pub(crate) fn folded(self) -> Self {
        Self { folded: true, ..self }
    }

    pub(crate) fn prefixed(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    pub(crate) fn or(mut self, name: &'static str, button: &'static str) -> Self {
        self.others.push((name, button));
        self
    }

    pub(crate) fn id_of(&self, input: &Input) -> String {
        match self.prefix {
            "" => input.name.to_owned(),
            prefix => format!("{prefix}-{}", input.name),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.folded || self.is_faulty()
    }

    pub(crate) fn is_faulty(&self) -> bool {
        !self.faults.is_empty() || self.inputs.iter().any(|input| !input.faults.is_empty())
    }

    /// What an object of the API says.
    #[must_use]
    pub(crate) fn filled(mut self, object: &Value) -> Self {
        for input in &mut self.inputs {
            input.fill(object);
        }
        self
    }

    /// What somebody has typed.
    #[must_use]
    pub(crate) fn typed(mut self, fields: &Fields) -> Self {
        for input in &mut self.inputs {
            input.take(fields);
        }
        self
    }

    /// The value of one input.
    pub(crate) fn value(&self, name: &str) -> &str {
        let found = self.inputs.iter().find(|input| input.name == name);
        found.map_or("", Input::value)
    }

    /// Every value of one input.
    pub(crate) fn values(&self, name: &str) -> &[String] {
        let found = self.inputs.iter().find(|input| input.name == name);
        found.map_or(&[], |input| input.values.as_slice())
    }

    /// Puts a value into one input.
    pub(crate) fn set(&mut self, name: &str, values: Vec<String>) {
        for input in self.inputs.iter_mut().filter(|input| input.name == name) {
            input.values.clone_from(&values);
        }
    }

    /// The body of a call: `base`, with what the form says over it. What is left empty is taken out.
    pub(crate) fn body(&self, base: Value) -> Value {
        let mut body = if base.is_object() { base } else { Value::Object(Map::new()) };
        for input in self.inputs.iter().filter(|input| !input.at.is_empty()) {
            put(&mut body, input.at, input.said());
        }
        body
    }

    /// Shows a refusal where it belongs.
    ///
    /// # Errors
    /// A refusal that is not about what was typed is a page of its own.
    pub(crate) fn refused(mut self, refusal: Refusal) -> Result<Self, Failure> {
        if !refusal.is_about_input() {
            return Err(refusal.into());
        }
        for sentence in refusal.sentences() {
            self.blame(sentence);
        }
        Ok(self)
    }

    /// Shows a sentence at the input whose member it begins with, or above all of them.
    pub(crate) fn blame(&mut self, sentence: String) {
        let (path, message) = sentence.split_once(": ").unwrap_or(("", &sentence));
        let to_blame = || self.inputs.iter().position(|input| input.is_named(path, true));
        let place = to_blame().or_else(|| self.inputs.iter().position(|input| input.is_named(path, false)));
        let Some(input) = place.and_then(|place| self.inputs.get_mut(place)) else {
            return self.faults.push(sentence);
        };
        input.faults.push(message.to_owned());
    }
}

/// Sets the member at `pointer`, making what is on the way. `None` takes it out, and what is empty without it.
pub(crate) fn put(body: &mut Value, pointer: &str, value: Option<Value>) {
    let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
    let Value::Object(members) = body else { return };
    let Some((name, rest)) = pointer.split_once('/') else {
        match value {
            Some(value) => drop(members.insert(pointer.to_owned(), value)),
            None => drop(members.shift_remove(pointer)),
        }
        return;
    };
    let is_there = members.get(name).is_some_and(Value::is_object);
    if value.is_none() && !is_there {
        return;
    }
    if !is_there {
        members.insert(name.to_owned(), Value::Object(Map::new()));
    }
    let Some(inner) = members.get_mut(name) else { return };
    put(inner, rest, value);
    if inner.as_object().is_some_and(Map::is_empty) {
        members.shift_remove(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet() -> Sheet {
        let inputs = vec![
            Input::text("name", "Name").at("/name").required(),
            Input::text("issuer", "Issuer").at("/settings/issuer"),
            Input::number("most", "At most").at("/settings/most"),
            Input::lines("domains", "Domains").at("/domains"),
            Input::switch("on", "On").at("/on"),
        ];
        Sheet::new("/x", "Save", inputs)
    }

    fn typed(query: &str) -> Sheet {
        sheet().typed(&Fields::parse(query.as_bytes()))
    }

    #[test]
    fn what_is_typed_becomes_a_body_of_the_right_types() {
        let body = typed("name=+A+&issuer=https%3A%2F%2Fi&most=5&domains=a%0D%0A%0Ab+&on=yes").body(Value::Null);
        let expected = json!({"name": "A", "settings": {"issuer": "https://i", "most": 5}, "domains": ["a", "b"], "on": true});
        assert_eq!(body, expected);
        let odd = typed("name=&most=many").body(Value::Null);
        assert_eq!(
            odd,
            json!({"settings": {"most": "many"}, "on": false}),
            "the API says what is wrong"
        );
    }

    #[test]
    fn what_is_left_empty_is_taken_out_and_the_rest_of_an_object_stays() {
        let base = json!({"id": "x", "name": "old", "settings": {"issuer": "i", "other": 1}, "domains": ["a"]});
        let body = typed("name=new").body(base);
        assert_eq!(body, json!({"id": "x", "name": "new", "settings": {"other": 1}, "on": false}));
    }

    #[test]
    fn an_object_is_read_into_the_form_and_back() {
        let object = json!({"name": "A", "settings": {"issuer": "i", "most": 5}, "domains": ["a", "b"], "on": true});
        let filled = sheet().filled(&object);
        assert_eq!(filled.value("domains"), "a\nb");
        assert_eq!(filled.body(Value::Null), object);
    }

    #[test]
    fn a_fault_is_shown_at_its_input_or_above_all() {
        let mut sheet = sheet();
        for sentence in [
            "settings.issuer: no",
            "most: too many",
            "domains[1]: odd",
            "elsewhere: no",
            "just so",
        ] {
            sheet.blame(sentence.to_owned());
        }
        let faults: Vec<_> = sheet.inputs.iter().map(|input| input.faults.join("")).collect();
        assert_eq!(faults, ["", "no", "too many", "odd", ""]);
        assert_eq!(sheet.faults, ["elsewhere: no", "just so"]);
    }
}
