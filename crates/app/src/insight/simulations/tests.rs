use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn job(id: &str) -> Arc<Job> {
    let view = Simulation {
        id: id.to_owned(),
        status: SimulationStatus::Running,
        created: NOW,
        finished: None,
        expires_at: NOW.plus(Duration::from_secs(60)),
        since: None,
        until: NOW,
        read: 0,
        percent: 0,
        most_held: Held::default(),
        limit: 1,
        report: None,
    };
    Arc::new(Job::new(view, Policies::OfTheTime, Changes::default()))
}

fn limits() -> SimulationLimits {
    SimulationLimits {
        running: 2,
        kept: 3,
        ..SimulationLimits::default()
    }
}

fn ids(simulations: &Simulations, now: Timestamp) -> Vec<String> {
    simulations.all(now).iter().map(|job| job.id.clone()).collect()
}

#[test]
fn no_more_run_at_one_time_than_may() {
    let simulations = Simulations::default();
    let (one, two, three) = (job("sim1"), job("sim2"), job("sim3"));
    assert!(simulations.add(Arc::clone(&one), &limits(), NOW).is_ok());
    assert!(simulations.add(Arc::clone(&two), &limits(), NOW).is_ok());
    let refused = simulations.add(Arc::clone(&three), &limits(), NOW);
    assert!(matches!(refused, Err(Error::RateLimited)), "{refused:?}");
    // Ended is not over: what it holds is there until it has noticed.
    one.cancel();
    assert_eq!(ids(&simulations, NOW), ["sim2"]);
    assert!(simulations.add(Arc::clone(&three), &limits(), NOW).is_err());
    one.end(SimulationStatus::Cancelled, None, NOW);
    assert!(simulations.add(three, &limits(), NOW).is_ok());
}

#[test]
fn the_oldest_that_is_over_makes_room_and_all_of_them_expire() {
    let simulations = Simulations::default();
    let running = job("sim0");
    assert!(simulations.add(Arc::clone(&running), &limits(), NOW).is_ok());
    for id in ["sim1", "sim2", "sim3"] {
        let over = job(id);
        assert!(simulations.add(Arc::clone(&over), &limits(), NOW).is_ok());
        over.end(SimulationStatus::Done, None, NOW);
    }
    assert_eq!(ids(&simulations, NOW), ["sim0", "sim2", "sim3"]);
    let later = NOW.plus(Duration::from_secs(61));
    assert_eq!(ids(&simulations, later), ["sim0"]);
    running.end(SimulationStatus::Done, None, later);
    assert!(ids(&simulations, later).is_empty());
}
