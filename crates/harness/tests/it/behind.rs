//! The index may be behind what was answered: reads wait for it, but not for ever, and decisions do not
//! depend on it (architecture section 6).

use std::time::{Duration, Instant};

use anyhow::Result;
use watchfire_domain::risk_provider::RiskProviderDraft;
use watchfire_harness::{app::TestApp, backend::Behind, delayed::ApplyDelay};
use watchfire_model::{
    log::RequestOrigin,
    object::{Kind, ProviderAction, RiskProvider},
};

/// The longest that a read waits (`index-wait`).
const LIMIT: Duration = Duration::from_secs(5);

async fn behind(delay: &ApplyDelay) -> Result<TestApp> {
    let app = TestApp::builder().backend(Behind::new(delay.clone())).start().await?;
    // The first start is not what the tests are about.
    while app.index.count(Kind::Org).await? == 0 {
        tokio::task::yield_now().await;
    }
    Ok(app)
}

async fn create(app: &TestApp, name: &str) -> Result<RiskProvider> {
    let draft = RiskProviderDraft {
        name: name.to_owned(),
        client_id: None,
        action: ProviderAction::LogOnly,
    };
    let caller = app.administrator()?;
    let made = app.app.create_risk_provider(&caller, RequestOrigin::default(), draft);
    Ok(made.await?)
}

/// Longer than an index takes to catch up once it may.
const LONG: Duration = Duration::from_secs(20);

async fn receipts(app: &TestApp, count: i64) -> Result<()> {
    let reached = async {
        while app.index.receipt_count().await? < count {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LONG, reached).await??;
    assert_eq!(app.index.receipt_count().await?, count);
    Ok(())
}

#[tokio::test]
async fn a_read_waits_for_what_was_answered_before_it() -> Result<()> {
    // A disk that takes longer to catch up than a read waits shows nothing.
    for _ in 0..20 {
        if a_read_has_waited().await? {
            return Ok(());
        }
    }
    anyhow::bail!("the index never caught up in time")
}

async fn a_read_has_waited() -> Result<bool> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    delay.hold();
    let made = create(&app, "Late").await?;
    let id = made.id.as_str();
    assert!(app.index.get(Kind::RiskProvider, id).await?.is_none(), "applied already");
    let caller = app.administrator()?;
    let begun = Instant::now();
    // Both are polled in this order: the read has begun to wait before the index may catch up.
    let (read, ()) = tokio::join!(app.app.risk_provider(&caller, id), async { delay.release() });
    if begun.elapsed() >= LIMIT {
        return Ok(false);
    }
    assert_eq!(read?, made);
    Ok(true)
}

#[tokio::test]
async fn a_read_gives_what_is_there_after_five_seconds() -> Result<()> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    delay.hold();
    create(&app, "Late").await?;
    let caller = app.administrator()?;
    let begun = Instant::now();
    let listed = app.app.risk_providers(&caller).await?;
    assert!(begun.elapsed() >= LIMIT, "gave up after {:?}", begun.elapsed());
    assert_eq!(listed.len(), 1, "only what was applied");
    Ok(())
}

#[tokio::test]
async fn a_read_does_not_wait_for_what_comes_after_it() -> Result<()> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    let caller = app.administrator()?;
    app.app.risk_providers(&caller).await?;
    delay.hold();
    let read = app.app.risk_providers(&caller);
    let (listed, made) = tokio::join!(read, create(&app, "Later"));
    made?;
    assert_eq!(listed?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_repeat_is_known_before_anything_is_applied() -> Result<()> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    delay.hold();
    for _ in 0..3 {
        app.send_risk("192.0.2.1", Some("one call")).await?;
    }
    app.send_risk("192.0.2.2", Some("another call")).await?;
    assert_eq!(app.index.receipt_count().await?, 0, "applied already");
    delay.release();
    receipts(&app, 2).await
}

#[tokio::test]
async fn a_name_is_taken_before_anything_is_applied() -> Result<()> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    delay.hold();
    create(&app, "Once").await?;
    assert!(create(&app, "once").await.is_err());
    create(&app, "Twice").await?;
    // The default one and two more are all that there may be (okta.md 3.2).
    assert!(create(&app, "Fourth").await.is_err());
    Ok(())
}

#[tokio::test]
async fn what_was_not_applied_is_there_after_a_restart() -> Result<()> {
    let delay = ApplyDelay::default();
    let app = behind(&delay).await?;
    delay.hold();
    app.send_risk("192.0.2.1", Some("one call")).await?;
    let app = app.restart().await?;
    assert_eq!(app.index.receipt_count().await?, 1);
    app.send_risk("192.0.2.1", Some("one call")).await?;
    app.send_risk("192.0.2.2", None).await?;
    delay.release();
    receipts(&app, 2).await
}
