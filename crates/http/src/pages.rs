//! Pages of another crate, which has none of our extractors: each request brings along what it says
//! about itself, and a way to call the API as its visitor.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, header};
use tower::{Service, util::BoxCloneSyncService};
use watchfire_app::App;

use crate::{
    caller,
    edge::Edge,
    request::{Peer, shared},
    site::Site,
};

/// The API as a page calls it: in this process, with its visitor's cookie, from its visitor's address.
pub type VisitorApi = BoxCloneSyncService<Request, Response, Infallible>;

/// What a call for a page takes over of the page's request: who, from where, with what.
const TAKEN_OVER: [HeaderName; 4] = [
    header::COOKIE,
    header::USER_AGENT,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
];

/// `pages`, whose requests have a [`watchfire_model::log::RequestOrigin`] and a [`VisitorApi`] among their
/// extensions. A page can do by it what its visitor could do by `api`, and nothing else.
pub fn pages(app: App, edge: Arc<Edge>, api: Router, pages: Router) -> Router {
    let inside = Inside {
        app,
        api: Site::new(edge, api),
    };
    pages.layer(from_fn_with_state(inside, bring))
}

#[derive(Clone)]
struct Inside {
    app: App,
    api: Site,
}

async fn bring(State(inside): State<Inside>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let context = match shared(&parts) {
        Ok(shared) => shared.context.clone(),
        Err(error) => return error.into_response(),
    };
    let origin = caller::origin(&inside.app, &context, &parts, None);
    let as_visitor = AsVisitor {
        api: inside.api,
        headers: taken_over(&parts.headers),
        peer: parts.extensions.get().copied(),
    };
    parts.extensions.insert(origin);
    parts.extensions.insert(VisitorApi::new(as_visitor));
    next.run(Request::from_parts(parts, body)).await
}

fn taken_over(headers: &HeaderMap) -> HeaderMap {
    let mut taken = HeaderMap::new();
    for name in TAKEN_OVER {
        for value in headers.get_all(&name) {
            taken.append(name.clone(), value.clone());
        }
    }
    taken
}

/// The API with what a call takes over of its page's request.
#[derive(Clone)]
struct AsVisitor {
    api: Site,
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl Service<Request> for AsVisitor {
    type Response = Response;
    type Error = Infallible;
    type Future = <Site as Service<Request>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.api.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        request.headers_mut().extend(self.headers.clone());
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.api.call(request)
    }
}
