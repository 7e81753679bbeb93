//! Settings > Administrators: who may use the console.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::ExposeSecret as _;
use watchfire_app::{App, identity::administrators::AdministratorUser};
use watchfire_model::object::AdminRole;

use crate::{
    failure::Failure,
    fields::Form,
    page::{Frame, render},
    system_log::shown,
    visitor::Visitor,
};

const PATH: &str = "/admin/settings/administrators";

#[derive(Debug, Template)]
#[template(path = "administrators.html")]
struct AdministratorsPage {
    frame: Frame,
    rows: Vec<Row>,
    roles: [AdminRole; 3],
    may_change: bool,
    /// The link that was just made.
    invitation: String,
    invited: String,
    fault: String,
}

#[derive(Debug)]
struct Row {
    id: String,
    login: String,
    name: String,
    role: AdminRole,
    status: &'static str,
    /// Who they are at the OpenID provider.
    subject: String,
    is_self: bool,
}

/// The list.
pub(crate) async fn show(State(app): State<App>, visitor: Visitor) -> Result<Response, Failure> {
    page(&app, &visitor, (String::new(), String::new()), String::new()).await
}

/// Invites somebody and shows the link, this once.
pub(crate) async fn invite(State(app): State<App>, visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let login = form.get("login").trim();
    let role = AdminRole::parse(form.get("role")).unwrap_or(AdminRole::ReadOnly);
    let origin = visitor.origin.request.clone();
    match app
        .invite_administrator(&visitor.session.principal, origin, login, role)
        .await
    {
        Ok((made, token)) => {
            let link = format!("{}/admin/invitations/{}", app.settings().org_url, token.expose_secret());
            page(&app, &visitor, (link, shown(&made.user.login)), String::new()).await
        }
        Err(watchfire_app::Error::Invalid { causes, .. }) => {
            page(&app, &visitor, (String::new(), String::new()), shown(&causes.join(" "))).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes a role, or takes the access away.
pub(crate) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form,
) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let (principal, origin) = (&visitor.session.principal, visitor.origin.request.clone());
    match AdminRole::parse(form.get("role")) {
        Some(role) => {
            app.change_administrator_role(principal, origin, &id, role).await?;
        }
        None if form.get("unlink") == "yes" => app.unlink_administrator(principal, origin, &id).await?,
        None if form.get("remove") == "yes" => app.remove_administrator(principal, origin, &id).await?,
        None => {}
    }
    Ok(Redirect::to(PATH).into_response())
}

async fn page(app: &App, visitor: &Visitor, (invitation, invited): (String, String), fault: String) -> Result<Response, Failure> {
    let all = app.administrators(&visitor.session.principal).await?;
    let rows = all.into_iter().map(|one| row(one, visitor)).collect();
    Ok(render(&AdministratorsPage {
        frame: Frame::new("Administrators", PATH, &visitor.session),
        rows,
        roles: AdminRole::ALL,
        may_change: visitor.session.role == AdminRole::SuperAdmin,
        invitation,
        invited,
        fault,
    }))
}

fn row(of: AdministratorUser, visitor: &Visitor) -> Row {
    let AdministratorUser {
        administrator,
        user,
        link,
    } = of;
    Row {
        is_self: user.id == visitor.session.session.user_id,
        name: shown(&user.display_name()),
        id: user.id.into(),
        login: shown(&user.login),
        role: administrator.role,
        status: if administrator.is_enrolled() || link.is_some() {
            "Active"
        } else {
            "Invited"
        },
        subject: link.map(|link| shown(&link.subject)).unwrap_or_default(),
    }
}
