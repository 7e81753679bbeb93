//! Directory > Groups: whom policies are for.

use axum::{
    Router,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use http::Method;
use serde_json::{Value, json};
use watchfire_app::App;

use super::users;
use crate::{
    api::segment,
    failure::Failure,
    fields::{Fields, Form},
    form::{Input, Sheet},
    set_up::{Button, Cell, Part, Row, Search, SetUp, Step, Table, or_form, see_other, step, take_step, text_at},
    visitor::Visitor,
};

const PATH: &str = "/admin/directory/groups";
const API: &str = "/api/v1/groups";
const TITLE: &str = "Groups";
const MANAGE: &str = "okta.groups.manage";
const STEPS: &[Step] = &[step("delete", Method::DELETE, "")];
const MEMBER_STEPS: &[Step] = &[step("removed", Method::DELETE, "")];

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/admin/directory/groups/{id}", get(show).post(replace))
        .route("/admin/directory/groups/{id}/members", post(add))
        .route("/admin/directory/groups/{id}/members/{user}/{step}", post(remove))
        .route("/admin/directory/groups/{id}/{step}", post(change))
}

fn sheet(action: String, button: &'static str) -> Sheet {
    let inputs = vec![
        Input::text("name", "Name").at("/profile/name").required(),
        Input::text("description", "Description").at("/profile/description"),
    ];
    Sheet::new(action, button, inputs)
}

fn new_group() -> Sheet {
    sheet(PATH.to_owned(), "Create group").titled("New group", "").folded()
}

async fn list(visitor: Visitor, query: Fields) -> Result<Response, Failure> {
    Ok(page(&visitor, &query, new_group()).await?.done(&query).into_page())
}

async fn create(visitor: Visitor, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = new_group().typed(&form);
    match or_form(visitor.api.post(API, &sheet.body(json!({}))).await, sheet)? {
        Ok(made) => Ok(see_other(&format!("{PATH}/{}", text_at(&made, "/id")), "made")),
        Err(sheet) => Ok(page(&visitor, &Fields::default(), sheet).await?.into_page()),
    }
}

async fn page(visitor: &Visitor, query: &Fields, sheet: Sheet) -> Result<SetUp, Failure> {
    let (words, after) = (query.get("q").trim(), query.get("after"));
    let path = format!("{API}?limit=50&q={}&after={}", segment(words), segment(after));
    let listed = visitor.api.list(&path).await?;
    let rows = listed.items.iter().map(|group| {
        Row::new(vec![
            Cell::link(&format!("{PATH}/{}", text_at(group, "/id")), text_at(group, "/profile/name")),
            Cell::at(group, "/profile/description"),
            Cell::time_at(group, "/created"),
        ])
    });
    let table = Table::new(TITLE, &["Name", "Description", "Created"], "No group is called like this.")
        .rows(rows)
        .more(PATH, &[("q", words)], listed.next.as_deref());
    let search = Search {
        action: PATH,
        label: "Name begins with",
        value: words.to_owned(),
    };
    Ok(SetUp::new(visitor, TITLE, PATH)
        .part(Part::Search(search))
        .part(Part::Table(table))
        .part_if(visitor.may(MANAGE), || Part::Sheet(sheet)))
}

fn member_sheet(id: &str) -> Sheet {
    let login = Input::text("user", "Login").required();
    Sheet::new(format!("{PATH}/{id}/members"), "Add to the group", vec![login]).prefixed("member")
}

async fn show(visitor: Visitor, Path(id): Path<String>, query: Fields) -> Result<Response, Failure> {
    let page = group_page(&visitor, (&id, query.get("after")), None, member_sheet(&id)).await?;
    Ok(page.done(&query).into_page())
}

async fn group_page(
    visitor: &Visitor,
    (id, after): (&str, &str),
    refused: Option<Sheet>,
    member: Sheet,
) -> Result<SetUp, Failure> {
    let own = format!("{API}/{}", segment(id));
    let group = visitor.api.get(&own).await?;
    let members = visitor
        .api
        .list(&format!("{own}/users?limit=50&after={}", segment(after)))
        .await?;
    let may = visitor.may(MANAGE) && text_at(&group, "/type") != "BUILT_IN";
    let rows = members.items.iter().map(|user| {
        let (user_id, login) = (text_at(user, "/id"), text_at(user, "/profile/login"));
        let action = format!("{PATH}/{id}/members/{user_id}/removed");
        Row::new(vec![
            Cell::link(&users::address(user_id), &users::name(user)),
            Cell::text(login),
        ])
        .buttons(may.then(|| Button::new(action, "Take out", login)).into_iter().collect())
    });
    let path = format!("{PATH}/{id}");
    let table = Table::new("Members", &["Name", "Login"], "Nobody is in this group.")
        .rows(rows)
        .more(&path, &[], members.next.as_deref());
    let name = text_at(&group, "/profile/name");
    let sheet = refused.unwrap_or_else(|| sheet(path.clone(), "Save").filled(&group));
    let question = "Its members stay. A group that a policy names cannot be deleted.";
    Ok(SetUp::new(visitor, TITLE, PATH)
        .of(name)
        .part(Part::Facts(vec![
            ("ID", Cell::code(id)),
            ("Description", Cell::at(&group, "/profile/description")),
        ]))
        .part(Part::Heading("Members"))
        .part(Part::Table(table))
        .part_if(may, || Part::Sheet(member))
        .part_if(may, || Part::Sheet(sheet.titled("Change it", "").folded()))
        .part_if(may, || {
            Part::Buttons(vec![Button::new(format!("{path}/delete"), "Delete", name).asking(question)])
        }))
}

async fn replace(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let sheet = sheet(format!("{PATH}/{id}"), "Save").typed(&form);
    let body = sheet.body(Value::Null);
    match or_form(visitor.api.put(&format!("{API}/{}", segment(&id)), &body).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "saved")),
        Err(sheet) => {
            let page = group_page(&visitor, (&id, ""), Some(sheet), member_sheet(&id)).await?;
            Ok(page.into_page())
        }
    }
}

/// Adds somebody by login or id.
async fn add(visitor: Visitor, Path(id): Path<String>, Form(form): Form) -> Result<Response, Failure> {
    visitor.check(&form)?;
    let mut sheet = member_sheet(&id).typed(&form);
    if sheet.value("user").trim().is_empty() {
        sheet.blame("user: The field cannot be left blank".to_owned());
        return Ok(group_page(&visitor, (&id, ""), None, sheet).await?.into_page());
    }
    let known = visitor
        .api
        .get(&format!("/api/v1/users/{}", segment(sheet.value("user").trim())))
        .await;
    let user = match known {
        Ok(user) => user,
        Err(refusal) if refusal.status == http::StatusCode::NOT_FOUND => {
            sheet.blame("user: Nobody has this login.".to_owned());
            return Ok(group_page(&visitor, (&id, ""), None, sheet).await?.into_page());
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let path = format!("{API}/{}/users/{}", segment(&id), segment(text_at(&user, "/id")));
    match or_form(visitor.api.call(Method::PUT, &path, None).await, sheet)? {
        Ok(_) => Ok(see_other(&format!("{PATH}/{id}"), "added")),
        Err(sheet) => Ok(group_page(&visitor, (&id, ""), None, sheet).await?.into_page()),
    }
}

async fn remove(
    visitor: Visitor,
    Path((id, user, step)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let api = format!("{API}/{}/users", segment(&id));
    take_step(&visitor, &form, (&api, &user), (&step, MEMBER_STEPS), &format!("{PATH}/{id}")).await
}

async fn change(visitor: Visitor, Path((id, step)): Path<(String, String)>, form: Form) -> Result<Response, Failure> {
    take_step(&visitor, &form, (API, &id), (&step, STEPS), PATH).await
}
