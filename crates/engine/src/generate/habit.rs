//! How people live in a world: probabilities per session and per day.

/// What the people of a world are like.
#[derive(Debug)]
pub(super) struct Habits {
    /// Whether people are spread over all countries; else most live in one.
    pub(super) scattered: bool,
    /// Gap between sign-ins: median in days and deviation of its logarithm.
    pub(super) gap_median_days: f64,
    pub(super) gap_deviation: f64,
    /// Sign-ins of a user in the year: median and deviation of a log-normal, rounded.
    pub(super) sign_ins_median: f64,
    pub(super) sign_ins_deviation: f64,
    pub(super) moves_house_every_days: f64,
    pub(super) changes_job_every_days: f64,
    pub(super) replaces_device_every_days: f64,
    /// Share of sessions away from home country: most people, and frequent travellers.
    pub(super) away: f64,
    pub(super) away_traveller: f64,
    pub(super) travellers: f64,
    /// Who uses a commercial VPN, and how often.
    pub(super) vpn_users: f64,
    pub(super) vpn_sessions: f64,
    pub(super) vpn_exit_abroad: f64,
    /// Sessions in cafés, hotels and at friends'.
    pub(super) visits: f64,
    pub(super) employed_behind_an_office: f64,
    pub(super) homes_with_v6: f64,
    /// For how many days an address is leased, and how many homes have such a lease.
    pub(super) leases_days: [(f64, f64); 3],
    /// How much people favour one network, and how many do.
    pub(super) loyalty: [(f64, f64); 3],
    /// Owners of phones who are mostly on their carrier's network.
    pub(super) mobile_first: f64,
    pub(super) second_device: f64,
    pub(super) third_device: f64,
    pub(super) same_device_as_last_time: f64,
    pub(super) second_browser: f64,
    /// Mistyped passwords before a sign-in succeeds, each.
    pub(super) mistypes: f64,
    /// A shared device or a borrowed one.
    pub(super) borrowed_device: f64,
}

pub(super) const SIGN_INS_MAX: f64 = 1_500.0;

/// Tuned once against published marginals, before any score was run.
pub(super) const SETTLED: Habits = Habits {
    scattered: false,
    gap_median_days: 12.0,
    gap_deviation: 1.7,
    sign_ins_median: 2.05,
    sign_ins_deviation: 1.2,
    moves_house_every_days: 2_500.0,
    changes_job_every_days: 1_500.0,
    replaces_device_every_days: 650.0,
    away: 0.007,
    away_traveller: 0.20,
    travellers: 0.015,
    vpn_users: 0.02,
    vpn_sessions: 0.6,
    vpn_exit_abroad: 0.12,
    visits: 0.022,
    employed_behind_an_office: 0.30,
    homes_with_v6: 0.08,
    leases_days: [(600.0, 0.42), (45.0, 0.33), (5.0, 0.25)],
    loyalty: [(0.985, 0.62), (0.90, 0.28), (0.65, 0.10)],
    mobile_first: 0.30,
    second_device: 0.66,
    third_device: 0.30,
    same_device_as_last_time: 0.50,
    second_browser: 0.25,
    mistypes: 0.18,
    borrowed_device: 0.03,
};

/// People who are hard to tell from somebody else: spread over the world, much abroad, behind VPNs and on short
/// leases, with many devices; they sign in ten times as often. Written down before any score was run on it, and
/// nothing is ever tuned on it: it asks whether figures of the other world hold elsewhere.
pub(super) const ROVING: Habits = Habits {
    scattered: true,
    gap_median_days: 2.0,
    gap_deviation: 1.2,
    sign_ins_median: 20.0,
    sign_ins_deviation: 0.9,
    moves_house_every_days: 700.0,
    changes_job_every_days: 500.0,
    replaces_device_every_days: 300.0,
    away: 0.03,
    away_traveller: 0.35,
    travellers: 0.20,
    vpn_users: 0.20,
    vpn_sessions: 0.5,
    vpn_exit_abroad: 0.30,
    visits: 0.08,
    employed_behind_an_office: 0.10,
    homes_with_v6: 0.50,
    leases_days: [(600.0, 0.15), (45.0, 0.30), (5.0, 0.55)],
    loyalty: [(0.985, 0.25), (0.90, 0.40), (0.65, 0.35)],
    mobile_first: 0.65,
    second_device: 0.85,
    third_device: 0.55,
    same_device_as_last_time: 0.40,
    second_browser: 0.35,
    mistypes: 0.25,
    borrowed_device: 0.06,
};
