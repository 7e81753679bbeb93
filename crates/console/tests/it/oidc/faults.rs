//! A provider that is down, slow, changes its keys or has another time.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{World, admin};

#[tokio::test]
async fn a_provider_that_is_down_is_said_and_passwords_go_on() -> Result<()> {
    let world = World::trusting().await?;
    world.server.clock.advance(Duration::from_secs(25 * 3_600));
    world.idp.manners(|manners| manners.status = Some(503));
    let page = world.browser().get("/admin/sign-in/oidc").await?;
    assert_eq!(page.status, 502);
    assert!(
        page.text.contains("does not answer") && page.text.contains("name=\"password\""),
        "{}",
        page.text
    );
    assert_eq!(world.last_reason().await?, "PROVIDER_UNAVAILABLE");
    world.idp.manners(|manners| manners.status = None);
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn what_it_says_of_itself_is_remembered_while_it_is_away() -> Result<()> {
    let world = World::trusting().await?;
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    assert_eq!(world.idp.calls("discovery"), 1, "once, when it was set");
    world.server.clock.advance(Duration::from_secs(3_600));
    let (address, cookie) = {
        world.idp.manners(|manners| manners.status = Some(500));
        let begun = world.begin().await?;
        world.idp.manners(|manners| manners.status = None);
        begun
    };
    assert_eq!(
        world
            .come_back(&world.idp.authorize(&address, &admin())?, &cookie)
            .await?
            .status,
        303
    );
    Ok(())
}

#[tokio::test]
async fn a_provider_that_hangs_ends_the_attempt_in_time() -> Result<()> {
    let mut settings = World::settings();
    settings.console.provider = Duration::from_secs(3);
    let world = World::over(settings, json!({"ownFactor": "TRUST"})).await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    world.idp.manners(|manners| manners.hangs = true);
    let answer = world.come_back(&back, &cookie).await?;
    assert_eq!(
        (answer.status, world.last_reason().await?.as_str()),
        (502, "PROVIDER_UNAVAILABLE")
    );
    Ok(())
}

#[tokio::test]
async fn keys_that_were_changed_are_fetched_once() -> Result<()> {
    let world = World::trusting().await?;
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    let before = world.idp.calls("keys");
    world.idp.rotate()?;
    assert_eq!(world.sign_in(&admin()).await?.status, 303);
    assert_eq!(world.idp.calls("keys"), before + 1);
    // A key that was never published makes nobody fetch again and again.
    world.idp.manners(|manners| manners.strange_key = true);
    for _ in 0..3 {
        assert_eq!(world.sign_in(&admin()).await?.status, 401);
    }
    assert_eq!(world.idp.calls("keys"), before + 1);
    Ok(())
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() -> Result<()> {
    let world = World::trusting().await?;
    let now = 1_800_000_000_i64;
    for (iat, exp, taken) in [
        (now + 59, now + 359, true),
        (now - 359, now - 59, true),
        (now + 61, now + 361, false),
        (now - 361, now - 60, false),
    ] {
        world.idp.manners(|manners| {
            manners.claims.insert("iat".to_owned(), json!(iat));
            manners.claims.insert("exp".to_owned(), json!(exp));
        });
        let status = world.sign_in(&admin()).await?.status;
        assert_eq!(status == 303, taken, "{iat} {exp}");
    }
    Ok(())
}

#[tokio::test]
async fn who_says_no_at_the_provider_is_told() -> Result<()> {
    let world = World::trusting().await?;
    let (address, cookie) = world.begin().await?;
    let back = world.idp.authorize(&address, &admin())?;
    let back = back.replace("code=code-0", "error=access_denied");
    let refused = world.come_back(&back, &cookie).await?;
    assert_eq!(
        (refused.status, world.last_reason().await?.as_str()),
        (401, "PROVIDER_REFUSED")
    );
    assert!(refused.text.contains("did not sign you in"));
    world.idp.manners(|manners| manners.id_token = Some(String::new()));
    assert_eq!(world.sign_in(&admin()).await?.status, 401);
    assert_eq!(world.last_reason().await?, "TOKEN_RESPONSE");
    Ok(())
}
