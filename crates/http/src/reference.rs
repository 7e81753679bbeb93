//! `/docs`: the OpenAPI document as a page. Rendered here, without a script, so that it loads nothing
//! from anywhere.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The style sheet beside the page.
pub(crate) const STYLE: &str = include_str!("../assets/reference.css");
/// Nothing but the style sheet may be loaded.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

/// Methods of a path, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page for `document`.
pub(crate) fn page(document: &Value) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let info = |member: &str| {
        document
            .pointer(&format!("/info/{member}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} API</title><link rel=\"stylesheet\" href=\"/docs/style.css\"><main><h1>{title} API</h1>\
         <p>{description}</p><p>Version {version}. <a href=\"/openapi.json\">OpenAPI document</a></p>",
        title = escape(info("title")),
        description = escape(info("description")),
        version = escape(info("version")),
    );
    let operations = operations(document);
    let mut tags: Vec<&str> = operations.iter().map(|operation| operation.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    out.push_str("<nav aria-label=\"Groups\"><ul>");
    for tag in &tags {
        let _ = write!(out, "<li><a href=\"#{0}\">{0}</a></li>", escape(tag));
    }
    out.push_str("<li><a href=\"#schemas\">Schemas</a></li></ul></nav>");
    for tag in tags {
        let _ = write!(out, "<h2 id=\"{0}\">{0}</h2>", escape(tag));
        operations
            .iter()
            .filter(|operation| operation.tag == tag)
            .for_each(|operation| operation.write(&mut out));
    }
    write_schemas(document, &mut out);
    out.push_str("</main></html>");
    out
}

struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    tag: &'a str,
    body: &'a Value,
    document: &'a Value,
}

fn operations<'a>(document: &'a Value) -> Vec<Operation<'a>> {
    let paths = document.get("paths").and_then(Value::as_object);
    let of_path = |(path, item): (&'a String, &'a Value)| {
        METHODS.iter().filter_map(move |method| {
            let body = item.get(method)?;
            let tag = body.pointer("/tags/0").and_then(Value::as_str).unwrap_or("Other");
            Some(Operation {
                method,
                path,
                tag,
                body,
                document,
            })
        })
    };
    paths.into_iter().flatten().flat_map(of_path).collect()
}

impl Operation<'_> {
    fn write(&self, out: &mut String) {
        let text = |member: &str| self.body.get(member).and_then(Value::as_str).unwrap_or_default();
        let _ = write!(
            out,
            "<details><summary><span class=\"method\">{}</span> <code>{}</code><span class=\"says\">{}</span></summary><div>",
            self.method.to_uppercase(),
            escape(self.path),
            escape(text("summary")),
        );
        if !text("description").is_empty() {
            let _ = write!(out, "<p>{}</p>", escape(text("description")));
        }
        self.write_security(out);
        self.write_parameters(out);
        if let Some(schema) = self
            .body
            .pointer("/requestBody/content")
            .and_then(Value::as_object)
            .and_then(first_schema)
        {
            let _ = write!(out, "<p>Body: {}</p>", type_of(schema));
        }
        self.write_answers(out);
        out.push_str("</div></details>");
    }

    fn write_security(&self, out: &mut String) {
        let needs = self.body.get("security").and_then(Value::as_array).into_iter().flatten();
        let ways: Vec<String> = needs
            .filter_map(Value::as_object)
            .flatten()
            .map(|(scheme, scopes)| {
                let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                match scheme.as_str() {
                    "apiToken" if scopes.is_empty() => "an API token".to_owned(),
                    "apiToken" => format!("an API token of a <code>{}</code>", escape(&scopes.join(" "))),
                    _ => format!("an access token with <code>{}</code>", escape(&scopes.join(" "))),
                }
            })
            .collect();
        if !ways.is_empty() {
            let _ = write!(out, "<p>Needs {}.</p>", ways.join(" or "));
        }
    }

    fn write_parameters(&self, out: &mut String) {
        let parameters = self.body.get("parameters").and_then(Value::as_array);
        let Some(parameters) = parameters.filter(|all| !all.is_empty()) else {
            return;
        };
        out.push_str("<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>");
        for parameter in parameters {
            let text = |member: &str| escape(parameter.get(member).and_then(Value::as_str).unwrap_or_default());
            let kind = parameter.get("schema").map(type_of).unwrap_or_default();
            let _ = write!(
                out,
                "<tr><td><code>{}</code></td><td>{}</td><td>{kind}</td><td>{}</td></tr>",
                text("name"),
                text("in"),
                text("description")
            );
        }
        out.push_str("</table>");
    }

    fn write_answers(&self, out: &mut String) {
        let answers = self.body.get("responses").and_then(Value::as_object);
        let Some(answers) = answers else { return };
        out.push_str("<table><tr><th>Answer</th><th>Body</th><th></th></tr>");
        for (status, answer) in answers {
            let shared = answer.get("$ref").and_then(Value::as_str);
            let shared = shared.and_then(|place| self.document.pointer(place.strip_prefix('#')?));
            let answer = shared.unwrap_or(answer);
            let schema = answer.get("content").and_then(Value::as_object).and_then(first_schema);
            let says = answer.get("description").and_then(Value::as_str).unwrap_or_default();
            let body = schema.map_or_else(|| "none".to_owned(), type_of);
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{body}</td><td>{}</td></tr>",
                escape(status),
                escape(says)
            );
        }
        out.push_str("</table>");
    }
}

fn write_schemas(document: &Value, out: &mut String) {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    out.push_str("<h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in schemas.into_iter().flatten() {
        let says = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let _ = write!(
            out,
            "<details id=\"schema-{0}\"><summary><code>{0}</code><span class=\"says\">{1}</span></summary><div>",
            escape(name),
            escape(says)
        );
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        out.push_str("<table><tr><th>Member</th><th>Type</th><th></th></tr>");
        for (member, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let says = property.get("description").and_then(Value::as_str).unwrap_or_default();
            let needed = if required.contains(&member.as_str()) {
                ""
            } else {
                " (optional)"
            };
            let _ = write!(
                out,
                "<tr><td><code>{}</code>{needed}</td><td>{}</td><td>{}</td></tr>",
                escape(member),
                type_of(property),
                escape(says)
            );
        }
        out.push_str("</table></div></details>");
    }
}

fn first_schema(content: &Map<String, Value>) -> Option<&Value> {
    content.values().next()?.get("schema")
}

/// A schema in a few words; names of other schemas are links.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next())
    {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", type_of(items));
    }
    if let Some(first) = schema.get("oneOf").or_else(|| schema.get("allOf")).and_then(Value::as_array) {
        let named: Vec<String> = first
            .iter()
            .filter(|one| one.get("type") != Some(&Value::from("null")))
            .map(type_of)
            .collect();
        return named.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => escape(name),
        Some(Value::Array(names)) => escape(&names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")),
        _ => "any".to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_document_says_is_escaped() {
        let document = json!({
            "info": {"title": "<script>alert(1)</script>"},
            "paths": {"/a": {"get": {"tags": ["T"], "summary": "\"><img>", "responses": {"200": {"description": "<b>"}}}}},
        });
        let page = page(&document);
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("<b>"),
            "{page}"
        );
    }

    #[test]
    fn every_operation_and_schema_of_ours_is_on_the_page() {
        let document: Value = serde_json::from_str(&crate::document().unwrap()).unwrap();
        let page = page(&document);
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("<code>{}</code>", escape(path))), "{path}");
        }
        for schema in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{schema}\"")), "{schema}");
        }
        assert!(
            !page.contains("http://") && !page.contains("https://cdn"),
            "nothing is loaded from elsewhere"
        );
    }
}
