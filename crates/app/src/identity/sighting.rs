//! What is seen of an attempt before its command.

use std::net::IpAddr;

use watchfire_domain::sign_in::{PresentedDevice, Sighting};
use watchfire_engine::{
    model::{Attempt, Level, Outcome, Path, Profile},
    user_agent::{Device, MAX_LENGTH},
};
use watchfire_model::object::SignInProfile;

use super::sign_in::hash_of_device;
use crate::App;

/// What a request tells of the one who signs in.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) ip: IpAddr,
    pub(super) user_agent: &'a str,
    /// What stands for the device, where the caller is trusted to say so.
    pub(super) device_token: Option<&'a str>,
    /// Under which the last hour of the account is counted: its login, known or not.
    pub(super) account: &'a str,
}

impl App {
    /// Looks up what memory holds around an attempt. A user agent is cut to what the engine looks at.
    pub(super) fn sighting(&self, seen: Seen<'_>) -> Sighting {
        let now = self.clock.now();
        let agent = seen.user_agent;
        let user_agent = agent.get(..agent.floor_char_boundary(MAX_LENGTH)).unwrap_or_default();
        let attempt = Attempt {
            at: now,
            address: seen.ip.to_canonical(),
            place: self.place_of(seen.ip),
            device: Device::parse(user_agent),
            user_agent: user_agent.to_owned(),
            token: seen.device_token.map(hash_of_device),
        };
        let secret = self.vault.model_key();
        let path = Path::of(&attempt, secret);
        let statistics = self.state.statistics();
        Sighting {
            population: statistics.around(&path),
            windows: statistics.windows(secret, &attempt, seen.account),
            signals: self.state.signals().at(seen.ip, now),
            settings: self.settings.sign_ins.model,
            device: seen.device_token.map(PresentedDevice::new),
            attempt,
            path,
        }
    }

    /// Notes that an attempt on an account failed. It teaches nothing; it is only seen.
    pub(super) async fn saw_failure(&self, attempt: &Attempt, account: &str, user: Option<&str>) {
        let profile = match user {
            Some(user) => self.get::<SignInProfile>(user).await.ok().flatten(),
            None => None,
        };
        let profile = profile
            .and_then(|it| Profile::from_text(&it.profile).ok())
            .unwrap_or_default();
        let secret = self.vault.model_key();
        let known_network = profile.has_seen(attempt, secret, Level::Network);
        let outcome = Outcome::Failed { known_network };
        self.state.statistics().observe(secret, attempt, account, outcome);
    }

    /// Notes that an attempt on an account was accepted.
    pub(super) fn saw_success(&self, attempt: &Attempt, account: &str) {
        let secret = self.vault.model_key();
        self.state.statistics().observe(secret, attempt, account, Outcome::Accepted);
    }
}
