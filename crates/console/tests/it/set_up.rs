//! The set-up pages: what the API does, by forms.

mod actions;
mod guide;
mod manners;
mod others;
mod policies;

use anyhow::{Result, ensure};
use watchfire_harness::Answer;

use crate::browser::Browser;

/// Fills in a form and sends it; `fields` without the session's token.
pub(crate) async fn send(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
    let mut all = vec![("csrf", browser.csrf().await?)];
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    browser.post(path, &all).await
}

/// Sends a form that must be taken; gives where it leads.
pub(crate) async fn done(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Result<String> {
    let answer = send(browser, path, fields).await?;
    ensure!(answer.status == 303, "{path}: {} {}", answer.status, answer.text);
    let to = answer.headers["location"].to_str()?.to_owned();
    ensure!(browser.get(&to).await?.status == 200, "{to}");
    Ok(to)
}

/// The id at the end of the path where a form has led.
pub(crate) fn id_in(location: &str) -> String {
    let path = location.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The fault that stands at an input.
pub(crate) fn fault(html: &str, id: &str) -> String {
    crate::browser::between(html, &format!("id=\"{id}-fault\">"), "</p>")
        .trim()
        .to_owned()
}
