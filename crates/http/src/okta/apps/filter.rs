//! What the list of apps can be filtered by (okta.md 2.1).

use watchfire_app::Error;
use watchfire_model::filter::{Comparison, Dialect, Field, Filter};

const APPS: Dialect = Dialect {
    fields: &[
        Field::plain("status"),
        Field::plain("id"),
        Field::plain("name"),
        Field::plain("user.id"),
        Field::plain("group.id"),
        Field::plain("credentials.signing.kid"),
        Field::plain("settings.slo.enabled"),
    ],
    comparisons: &[Comparison::Eq],
};

pub(super) fn parse(text: &str) -> Result<Filter, Error> {
    Filter::parse(text, &APPS).map_err(|error| Error::Catalogued {
        status: 400,
        code: error.code(),
        summary: error.to_string(),
        causes: Vec::new(),
    })
}
