//! That the planner takes the indexes which the tables pay for.

use sqlx::{AssertSqlSafe, Connection as _, QueryBuilder, Row as _};
use watchfire_model::{
    filter::Filter,
    log::{Keywords, SYSTEM_LOG},
    object::Kind,
};

use super::{Connection, Db, dialect, log_filter, objects};
use crate::index::RangeQuery;

async fn plan(filter: Option<&str>, q: &str) -> String {
    let mut conn = Connection::connect("sqlite::memory:").await.unwrap();
    for sql in dialect::create_log_tables(1) {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    }
    let mut sql: QueryBuilder<Db> =
        QueryBuilder::new("EXPLAIN QUERY PLAN SELECT detail FROM log_events_1 WHERE seq BETWEEN 1 AND 100000");
    if let Some(filter) = filter {
        sql.push(" AND ");
        log_filter::push(&mut sql, 1, Filter::parse(filter, &SYSTEM_LOG).unwrap().expr());
    }
    dialect::push_keywords(&mut sql, 1, &Keywords::parse(q).unwrap(), (1, 100_000));
    sql.push(" ORDER BY seq DESC LIMIT 100");
    let rows = sql.build().fetch_all(&mut conn).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

#[tokio::test]
async fn tests_of_one_value_start_from_its_index() {
    for (filter, index) in [
        (
            r#"eventType eq "user.session.start""#,
            "log_events_1_type (event_type=? AND rowid>? AND rowid<?)",
        ),
        (
            r#"actor.id eq "00u1" and outcome.result eq "FAILURE""#,
            "log_events_1_actor (actor_id=? AND rowid>? AND rowid<?)",
        ),
        (
            r#"client.ipAddress eq "10.0.0.1""#,
            "log_events_1_ip (client_ip=? AND rowid>? AND rowid<?)",
        ),
        (r#"uuid eq "x""#, "log_events_1_uuid (uuid=?"),
        (r#"target.id eq "00u1""#, "(target_id=?)"),
    ] {
        let plan = plan(Some(filter), "").await;
        assert!(plan.contains(index), "{filter}:\n{plan}");
    }
}

#[tokio::test]
async fn a_page_without_a_filter_goes_by_number_and_sorts_nothing() {
    let plan = plan(None, "").await;
    assert!(
        plan.contains("INTEGER PRIMARY KEY (rowid>? AND rowid<?)") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
}

/// Whatever is asked, a statement reads the numbers of its window, by an index where there is one: the pages
/// and the counts bound what one statement costs by its window alone.
#[tokio::test]
async fn no_filter_of_the_log_reads_a_whole_table() {
    let tests = [
        r#"eq "a""#,
        r#"ne "a""#,
        r#"co "a""#,
        r#"sw "a""#,
        r#"ew "a""#,
        r#"gt "a""#,
        r#"ge "a""#,
        r#"lt "a""#,
        r#"le "a""#,
        "pr",
        "eq null",
        "ne null",
    ];
    let open = ["debugContext.debugData.signInId"];
    let named = SYSTEM_LOG
        .fields
        .iter()
        .filter(|field| !field.is_open())
        .map(|field| field.path());
    let mut asked = 0;
    for field in named.chain(open) {
        for test in tests {
            let filter = format!("{field} {test}");
            if Filter::parse(&filter, &SYSTEM_LOG).is_err() {
                continue; // The dialect has no such test of this field.
            }
            for filter in [
                filter.clone(),
                format!("not ({filter})"),
                format!("{filter} or actor.id eq \"00u1\""),
            ] {
                let plan = plan(Some(&filter), "").await;
                let whole = plan
                    .lines()
                    .find(|step| step.starts_with("SCAN log_") || step.starts_with("SCAN t"));
                assert_eq!(whole, None, "{filter}:\n{plan}");
                asked += 1;
            }
        }
    }
    assert!(asked > 500, "{asked}");
    let both = plan(Some(r#"outcome.reason pr"#), "acme").await;
    assert!(both.contains("log_events_1 USING INTEGER PRIMARY KEY (rowid=?)"), "{both}");
}

#[tokio::test]
async fn keywords_go_through_the_full_text_index() {
    let plan = plan(None, "acme").await;
    assert!(plan.contains("log_text_1 VIRTUAL TABLE INDEX"), "{plan}");
}

#[tokio::test]
async fn a_users_sign_ins_are_found_without_a_look_at_everybodys() {
    let mut conn = Connection::connect("sqlite::memory:").await.unwrap();
    sqlx::migrate!("migrations/sqlite")
        .run_direct(None, &mut conn, false)
        .await
        .unwrap();
    for descending in [false, true] {
        let mut sql: QueryBuilder<Db> = QueryBuilder::new("EXPLAIN QUERY PLAN ");
        let wanted = RangeQuery {
            kind: Kind::SignInRecord,
            parent: Some("00u1".to_owned()),
            from: String::new(),
            until: "~".to_owned(),
            descending,
            limit: 1,
        };
        objects::push_in_order(&mut sql, &wanted);
        let rows = sql.build().fetch_all(&mut conn).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert_eq!(
            steps,
            ["SEARCH objects USING INDEX objects_parent_id (kind=? AND parent=? AND id>? AND id<?)"]
        );
    }
}
