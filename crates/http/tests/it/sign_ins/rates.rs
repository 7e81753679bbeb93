//! How many calls about sign-ins an identity provider may make.

use super::*;

async fn status(server: &TestServer, method: &str, path: &str, body: &Value) -> Result<Answer> {
    server.call(method, path).json(body).send().await
}

/// Everybody's sign-ins come under one credential: what people manage with it must neither hold them up nor be
/// held up by them.
#[tokio::test]
async fn sign_ins_have_a_bucket_of_their_own() -> Result<()> {
    let server = TestServer::start_with(Settings {
        sign_in_calls_per_second: 4,
        api_calls_per_minute: 2,
        ..Settings::new(ORG_URL)
    })
    .await?;
    let jo = attempt(JO, HOME, FIREFOX);
    let asked = status(&server, "POST", PATH, &jo).await?;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let header = |answer: &Answer, name: &str| answer.headers[name].to_str().unwrap_or_default().to_owned();
    assert_eq!(
        (
            header(&asked, "x-rate-limit-limit"),
            header(&asked, "x-rate-limit-remaining"),
            header(&asked, "x-rate-limit-reset")
        ),
        ("4".to_owned(), "3".to_owned(), "1800000001".to_owned())
    );
    let outcome = format!("{PATH}/{}/outcome", asked.text_at("/id"));
    let told = status(&server, "POST", &outcome, &json!({"result": "SUCCESS"})).await?;
    assert_eq!((told.status, header(&told, "x-rate-limit-remaining")), (204, "2".to_owned()));
    // With a credential, ours count too.
    let own = status(
        &server,
        "POST",
        "/api/v1/authn",
        &json!({"username": "nobody", "password": "wrong"}),
    )
    .await?;
    assert_eq!(own.status, 401, "{}", own.text);
    assert_eq!(status(&server, "POST", PATH, &jo).await?.status, 200);
    let refused = status(&server, "POST", PATH, &jo).await?;
    assert_eq!((refused.status, refused.error().0), (429, "E0000047"));
    assert!(refused.headers.contains_key("date"));

    for _ in 0..2 {
        let managed = server.call("GET", "/api/v1/zones").send().await?;
        assert_eq!(
            (managed.status, header(&managed, "x-rate-limit-limit")),
            (200, "2".to_owned())
        );
    }
    // Reading the records is managing.
    assert_eq!(server.call("GET", PATH).send().await?.status, 429);
    server.clock.advance(Duration::from_secs(1));
    assert_eq!(status(&server, "POST", PATH, &jo).await?.status, 200);
    Ok(())
}
