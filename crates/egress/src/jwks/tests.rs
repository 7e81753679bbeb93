use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::*;
use crate::policy::Policy;

const START: i64 = 1_800_000_000;
const ALGORITHMS: &[Algorithm] = &[Algorithm::Es256];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

/// The public key of RFC 7515 appendix A.3.
fn key(kid: Option<&str>) -> Value {
    let mut jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    if let Some(kid) = kid {
        jwk["kid"] = kid.into();
    }
    jwk
}

fn set(kids: &[&str]) -> ResponseTemplate {
    let keys: Vec<_> = kids.iter().map(|kid| key(Some(kid))).collect();
    ResponseTemplate::new(200).set_body_json(json!({"keys": keys}))
}

fn cache(limits: JwksLimits) -> JwksCache {
    let policy = Policy {
        dev: true,
        ..Policy::default()
    };
    JwksCache::new(Egress::new(policy), limits)
}

fn of<'a>(owner: &'a str, url: &'a str) -> JwksSource<'a> {
    JwksSource {
        owner,
        url,
        algorithms: ALGORITHMS,
        unique_kids: true,
    }
}

fn kids(cached: &CachedKeys) -> Vec<&str> {
    cached.keys.keys().iter().filter_map(|key| key.kid()).collect()
}

/// Serves `answer` from now on, and counts.
async fn serve(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(matchers::any()).respond_with(answer).mount(server).await;
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.expect("recording").len()
}

#[tokio::test]
async fn a_set_is_fetched_once_while_it_is_fresh() {
    for (cache_control, seconds) in [
        (None, 3_600),
        (Some("max-age=1800"), 1_800),
        (Some("max-age=1"), 300),
        (Some("no-store"), 300),
        (Some("max-age=99999999"), 86_400),
    ] {
        let server = MockServer::start().await;
        let answer = match cache_control {
            Some(value) => set(&["a"]).insert_header("cache-control", value),
            None => set(&["a"]),
        };
        serve(&server, answer).await;
        let (cache, url) = (cache(JwksLimits::default()), server.uri());
        for (time, count) in [(0, 1), (seconds - 1, 1), (seconds, 2)] {
            let cached = cache.keys(&of("0oa1", &url), at(time)).await.expect("keys");
            assert_eq!((kids(&cached), cached.stale), (vec!["a"], false));
            assert_eq!(requests(&server).await, count, "{cache_control:?} at {time}");
        }
    }
}

#[tokio::test]
async fn many_who_need_a_fetch_share_one() {
    let server = MockServer::start().await;
    serve(&server, set(&["a"]).set_delay(Duration::from_millis(50))).await;
    let cache = Arc::new(cache(JwksLimits::default()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (cache, url) = (Arc::clone(&cache), server.uri());
        tasks.spawn(async move { cache.keys(&of("0oa1", &url), at(0)).await.map(|cached| cached.generation) });
    }
    while let Some(result) = tasks.join_next().await {
        assert_eq!(result.expect("no panic").expect("keys"), 0);
    }
    assert_eq!(requests(&server).await, 1);
}

#[tokio::test]
async fn a_failed_fetch_is_shared_and_not_repeated_at_once() {
    let server = MockServer::start().await;
    serve(&server, ResponseTemplate::new(500)).await;
    let (cache, url) = (cache(JwksLimits::default()), server.uri());
    for time in [0, 0, 9] {
        let failed = cache.keys(&of("0oa1", &url), at(time)).await;
        assert!(matches!(failed, Err(JwksError::Fetch(_))), "{failed:?}");
    }
    assert_eq!(requests(&server).await, 1);
    serve(&server, set(&["a"])).await;
    assert!(cache.keys(&of("0oa1", &url), at(10)).await.is_ok());
}

#[tokio::test]
async fn a_rotated_key_is_found_at_once_and_then_once_a_minute() {
    let server = MockServer::start().await;
    serve(&server, set(&["a"])).await;
    let (cache, url) = (cache(JwksLimits::default()), server.uri());
    let source = of("0oa1", &url);
    let first = cache.keys(&source, at(0)).await.expect("keys");
    serve(&server, set(&["b"])).await;
    let second = cache.newer(&source, &first, at(1)).await.expect("the rotated set");
    assert_eq!(kids(&second), ["b"]);
    assert!(cache.newer(&source, &second, at(60)).await.is_none());
    assert_eq!(requests(&server).await, 1);
    // Whoever still has the old set gets the new one without a fetch.
    assert_eq!(
        cache.newer(&source, &first, at(60)).await.map(|keys| keys.generation),
        Some(second.generation)
    );
    assert!(cache.newer(&source, &second, at(61)).await.is_some());
    assert_eq!(requests(&server).await, 2);
    assert_eq!(kids(&cache.keys(&source, at(62)).await.expect("keys")), ["b"]);
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_makes_one_fetch() {
    let server = MockServer::start().await;
    serve(&server, set(&["a"])).await;
    let (cache, url) = (Arc::new(cache(JwksLimits::default())), server.uri());
    let known = cache.keys(&of("0oa1", &url), at(0)).await.expect("keys");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (cache, url, known) = (Arc::clone(&cache), url.clone(), known.clone());
        tasks.spawn(async move { cache.newer(&of("0oa1", &url), &known, at(1)).await.is_some() });
    }
    while let Some(result) = tasks.join_next().await {
        assert!(result.expect("no panic"));
    }
    assert_eq!(requests(&server).await, 2);
}

#[tokio::test]
async fn the_last_good_set_outlives_a_failure_by_a_day() {
    let server = MockServer::start().await;
    serve(&server, set(&["a"])).await;
    let (cache, url) = (cache(JwksLimits::default()), server.uri());
    let source = of("0oa1", &url);
    cache.keys(&source, at(0)).await.expect("keys");
    for broken in [
        ResponseTemplate::new(503),
        ResponseTemplate::new(200).set_body_string("{"),
        ResponseTemplate::new(200).set_body_string("{\"keys\":[]}"),
    ] {
        serve(&server, broken).await;
        let cached = cache.keys(&source, at(3_600)).await.expect("the last good set");
        assert!(cached.stale);
        assert_eq!((kids(&cached), cached.fetched_at), (vec!["a"], at(0)));
        assert!(cache.newer(&source, &cached, at(7_200)).await.is_none());
    }
    assert!(cache.keys(&source, at(3_600 + 86_399)).await.expect("just yet").stale);
    assert!(matches!(
        cache.keys(&source, at(3_600 + 86_400)).await,
        Err(JwksError::Fetch(_) | JwksError::Empty)
    ));
}

#[tokio::test]
async fn every_fault_of_a_set_has_its_name() {
    let server = MockServer::start().await;
    let fault = async |body: Value| {
        serve(&server, ResponseTemplate::new(200).set_body_json(body)).await;
        cache(JwksLimits::default())
            .keys(&of("0oa1", &server.uri()), at(0))
            .await
            .expect_err("a fault")
    };
    assert!(matches!(fault(json!([])).await, JwksError::Invalid(_)));
    assert!(matches!(fault(json!({"keys": {}})).await, JwksError::Invalid(_)));
    assert!(matches!(
        fault(json!({"keys": vec![key(Some("a")); 101]})).await,
        JwksError::Invalid(_)
    ));
    assert!(matches!(fault(json!({"keys": []})).await, JwksError::Empty));
    assert!(matches!(
        fault(json!({"keys": [{"kty": "oct", "k": "AAAA"}]})).await,
        JwksError::Empty
    ));
    assert!(matches!(
        fault(json!({"keys": [key(Some("a")), key(Some("a"))]})).await,
        JwksError::DuplicateKid
    ));
    assert!(matches!(
        fault(json!({"keys": [key(Some("a")), key(None)]})).await,
        JwksError::DuplicateKid
    ));
}

#[tokio::test]
async fn a_set_of_one_needs_no_id_and_a_provider_none_at_all() {
    let server = MockServer::start().await;
    serve(
        &server,
        ResponseTemplate::new(200).set_body_json(json!({"keys": [key(None)]})),
    )
    .await;
    let url = server.uri();
    assert!(cache(JwksLimits::default()).keys(&of("0oa1", &url), at(0)).await.is_ok());
    serve(&server, set(&["a", "a"])).await;
    let provider = JwksSource {
        unique_kids: false,
        ..of("https://idp.example", &url)
    };
    assert!(cache(JwksLimits::default()).keys(&provider, at(0)).await.is_ok());
}

#[tokio::test]
async fn another_url_gets_none_of_the_old_keys() {
    let (old, new) = (MockServer::start().await, MockServer::start().await);
    serve(&old, set(&["old"])).await;
    serve(&new, set(&["new"])).await;
    let cache = cache(JwksLimits::default());
    cache.keys(&of("0oa1", &old.uri()), at(0)).await.expect("keys");
    assert_eq!(
        kids(&cache.keys(&of("0oa1", &new.uri()), at(1)).await.expect("keys")),
        ["new"]
    );
    serve(&new, ResponseTemplate::new(500)).await;
    cache.forget("0oa1");
    assert!(cache.keys(&of("0oa1", &new.uri()), at(2)).await.is_err());
}

#[tokio::test]
async fn the_number_of_owners_is_bounded_and_the_unused_go_first() {
    let server = MockServer::start().await;
    serve(&server, set(&["a"])).await;
    let limits = JwksLimits {
        max_owners: 2,
        ..JwksLimits::default()
    };
    let (cache, url) = (cache(limits), server.uri());
    for (owner, time) in [("a", 0), ("b", 1), ("a", 2), ("c", 3), ("a", 4)] {
        cache.keys(&of(owner, &url), at(time)).await.expect("keys");
    }
    assert_eq!((cache.owners(), requests(&server).await), (2, 3));
}

#[tokio::test]
async fn nobody_waits_for_a_slow_host_who_has_keys() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    tokio::spawn({
        let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
        async move {
            let body = json!({"keys": [key(Some("a"))]}).to_string();
            let bytes = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                asked.notify_one();
                answer.notified().await;
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
        }
    });
    let cache = Arc::new(cache(JwksLimits::default()));
    answer.notify_one();
    cache.keys(&of("0oa1", &url), at(0)).await.expect("keys");
    asked.notified().await;

    // Past its freshness: one caller fetches and waits, the next takes what is there.
    let waiting = tokio::spawn({
        let (cache, url) = (Arc::clone(&cache), url.clone());
        async move { cache.keys(&of("0oa1", &url), at(3_600)).await.map(|cached| cached.stale) }
    });
    asked.notified().await;
    assert!(cache.keys(&of("0oa1", &url), at(3_600)).await.expect("keys").stale);
    assert!(!cache.keys(&of("0oa1", &url), at(3_599)).await.expect("keys").stale);
    answer.notify_one();
    assert!(!waiting.await.expect("no panic").expect("keys"));
}
