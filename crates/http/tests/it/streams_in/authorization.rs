//! How we show who we are (AUTH-08 to AUTH-10).

use watchfire_crypto::{
    jwk::{Algorithm, KeySet},
    jws::UnverifiedJws,
};
use watchfire_harness::fake_transmitter::{CLIENT_ID, CLIENT_SECRET};

use super::*;

/// AUTH-09: each way of the client, and the token is asked for once.
#[tokio::test]
async fn client_credentials_are_shown_in_each_way() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let token_url = format!("{}/token", transmitter.base());
    for (number, authorization) in [
        json!({"type": "client_secret_basic", "tokenUrl": token_url, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}),
        json!({"type": "client_secret_post", "tokenUrl": token_url, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}),
        json!({"type": "client_secret_post", "authorizationServer": transmitter.base(), "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = new_stream(&transmitter, "push");
        body["authorization"] = authorization;
        let stream = made(&server, &body).await?;
        for _ in 0..3 {
            let status = server.call("GET", &path(&stream, "/status")).send().await?;
            assert_eq!(status.status, 200, "{}", status.text);
        }
        assert_eq!(transmitter.tokens(), number + 1, "cached");
        assert!(!stream.to_string().contains(CLIENT_SECRET));
        assert_eq!(stream["authorization"]["scope"], "ssf.read ssf.manage");
    }
    Ok(())
}

/// AUTH-08: a key is made, its public part handed out, and what it signs lives five minutes at the most.
#[tokio::test]
async fn an_assertion_is_signed_with_a_key_that_is_made_here() -> Result<()> {
    let (server, transmitter) = start(|_| {}).await?;
    let token_url = format!("{}/token", transmitter.base());
    let mut body = new_stream(&transmitter, "push");
    body["authorization"] = json!({"type": "private_key_jwt", "tokenUrl": token_url, "clientId": CLIENT_ID});
    let stream = made(&server, &body).await?;
    let jwks = server.call("GET", &path(&stream, "/jwks")).send().await?.json;
    let keys = jwks["keys"].as_array().context("keys")?;
    assert!(keys[0].get("d").is_none() && keys[0]["kid"].is_string(), "{jwks}");
    let assertion = transmitter.last_assertion().context("an assertion")?;
    let known = KeySet::from_jwks(keys.iter(), &[Algorithm::Rs256]);
    let unverified = UnverifiedJws::parse(&assertion)?;
    let claims = unverified.verify(&known)?.claims()?;
    assert_eq!(
        (&claims["iss"], &claims["sub"], &claims["aud"]),
        (&json!(CLIENT_ID), &json!(CLIENT_ID), &json!(token_url))
    );
    let life = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    assert!(life.is_some_and(|life| life > 0 && life <= 300), "{life:?}");
    assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 22));
    Ok(())
}

/// A stream whose transmitter does not know our new key yet is not forgotten, but tried again.
#[tokio::test]
async fn a_made_key_waits_for_its_registration() -> Result<()> {
    let (server, transmitter) = start(|it| it.statuses = vec![401; 1_000].into()).await?;
    let mut body = new_stream(&transmitter, "push");
    let token_url = format!("{}/token", transmitter.base());
    body["authorization"] = json!({"type": "private_key_jwt", "tokenUrl": token_url, "clientId": CLIENT_ID});
    let answer = create(&server, &body).await?;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert!(answer.text_at("/lastError").contains("401"), "{}", answer.text);
    // Refused until somebody has registered the key there, not a number of times: the next try is not far.
    transmitter.rough(|it| it.statuses.clear());
    wait_for(&server, &answer.json, |it| it["streamId"].is_string()).await?;
    Ok(())
}

/// AUTH-09, POLL-15: a token is renewed a minute before it ends, and once when it is refused.
#[tokio::test]
async fn tokens_are_renewed() -> Result<()> {
    let (server, transmitter) = start(|it| it.token_life = Some(600)).await?;
    let token_url = format!("{}/token", transmitter.base());
    let mut body = new_stream(&transmitter, "push");
    body["authorization"] =
        json!({"type": "client_secret_basic", "tokenUrl": token_url, "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET});
    let stream = made(&server, &body).await?;
    let status = || async { anyhow::Ok(server.call("GET", &path(&stream, "/status")).send().await?.status) };
    assert_eq!((status().await?, transmitter.tokens()), (200, 1));
    server.clock.advance(Duration::from_secs(539));
    assert_eq!((status().await?, transmitter.tokens()), (200, 1));
    server.clock.advance(Duration::from_secs(1));
    assert_eq!((status().await?, transmitter.tokens()), (200, 2));
    transmitter.revoke_tokens();
    assert_eq!((status().await?, transmitter.tokens()), (200, 3));
    transmitter.rough(|it| it.statuses = vec![401; 2].into());
    assert_eq!((status().await?, transmitter.tokens()), (400, 4), "once, not for ever");
    Ok(())
}
