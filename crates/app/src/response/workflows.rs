//! Webhooks that rules may run (okta.md 9.4 `RUN_WORKFLOW`).

use secrecy::SecretString;
use serde_json::json;
use watchfire_crypto::webhook::WebhookSecret;
use watchfire_domain::workflow::{ChangeWorkflow, CreateWorkflow, DeleteWorkflow, KIND, WorkflowChange};
use watchfire_egress::Purpose;
use watchfire_model::{
    log::RequestOrigin,
    object::{Status, Workflow},
};

use super::delivery::{WORKFLOW_SECRET, Webhook};
use crate::{App, Error, Result, access::Principal, entropy::base62};

/// The scope that reads them.
pub const READ: &str = "watchfire.read";
/// The scope that changes them.
pub const MANAGE: &str = "watchfire.manage";

/// Bytes of a secret that we make.
const SECRET_BYTES: usize = 32;
/// The first number of a webhook, and how many there are.
const NUMBERS: (u64, u64) = (100_000, 900_000_000);

/// What an administrator says of a webhook.
#[derive(Debug)]
pub struct WorkflowDraft {
    /// Its name.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// `whsec_…`; we make one where none is given.
    pub secret: Option<SecretString>,
}

/// What a test call came to.
#[derive(Clone, Debug)]
pub struct WorkflowTest {
    /// Its `webhook-id`.
    pub id: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
}

impl App {
    /// Every webhook, by number.
    ///
    /// # Errors
    /// Without the scope.
    pub fn workflows(&self, caller: &Principal) -> Result<Vec<Workflow>> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let mut workflows: Vec<Workflow> = directory.workflows().map(|it| Workflow::clone(it)).collect();
        workflows.sort_by_key(|workflow| workflow.id);
        Ok(workflows)
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`], and without the scope.
    pub fn workflow(&self, caller: &Principal, id: &str) -> Result<Workflow> {
        caller.require(READ)?;
        let directory = self.state.directory();
        let found = directory.workflows().find(|it| it.id.to_string() == id);
        found.map(|it| Workflow::clone(it)).ok_or_else(|| Error::not_found(id, KIND))
    }

    /// Makes a webhook. Its secret is shown this once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a taken name, an address that may not be called, or a secret of another form.
    pub async fn create_workflow(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        draft: WorkflowDraft,
    ) -> Result<(Workflow, SecretString)> {
        caller.require(MANAGE)?;
        self.check_target("url", Purpose::Hooks, &draft.url)?;
        let id = self.draw_number();
        let secret = self.secret_or_new(draft.secret)?;
        let command = CreateWorkflow {
            id,
            name: draft.name,
            url: draft.url,
            sealed_secret: self.seal_secret(id, &secret)?,
            actor: caller.actor.clone(),
            origin,
        };
        Ok((self.commands.run(command).await?, shown(&secret)))
    }

    /// Replaces a webhook; its secret stays, unless one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as for making one.
    pub async fn replace_workflow(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        draft: WorkflowDraft,
    ) -> Result<Workflow> {
        caller.require(MANAGE)?;
        self.check_target("url", Purpose::Hooks, &draft.url)?;
        let old = self.workflow(caller, id)?;
        let given = draft.secret.map(|text| self.secret_or_new(Some(text))).transpose()?;
        let sealed_secret = given.map(|secret| self.seal_secret(old.id, &secret)).transpose()?;
        let change = WorkflowChange::Replace {
            name: draft.name,
            url: draft.url,
            sealed_secret,
        };
        self.change_workflow(caller, origin, old.id, change).await
    }

    /// Gives a webhook a new secret, shown this once; the old one signs beside it for a day.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rotate_workflow_secret(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
    ) -> Result<(Workflow, SecretString)> {
        caller.require(MANAGE)?;
        let number = self.workflow(caller, id)?.id;
        let secret = self.secret_or_new(None)?;
        let change = WorkflowChange::Rotate {
            sealed_secret: self.seal_secret(number, &secret)?,
        };
        let workflow = self.change_workflow(caller, origin, number, change).await?;
        Ok((workflow, shown(&secret)))
    }

    /// Switches a webhook on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_workflow_status(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: &str,
        status: Status,
    ) -> Result<Workflow> {
        caller.require(MANAGE)?;
        let number = self.workflow(caller, id)?.id;
        self.change_workflow(caller, origin, number, WorkflowChange::Status(status))
            .await
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] while a rule runs it.
    pub async fn delete_workflow(&self, caller: &Principal, origin: RequestOrigin, id: &str) -> Result<()> {
        caller.require(MANAGE)?;
        let id = self.workflow(caller, id)?.id;
        let actor = caller.actor.clone();
        self.commands.run(DeleteWorkflow { id, actor, origin }).await
    }

    /// Calls a webhook now, once, and says what came of it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn test_workflow(&self, caller: &Principal, id: &str) -> Result<WorkflowTest> {
        caller.require(MANAGE)?;
        let workflow = self.workflow(caller, id)?;
        let id = format!("test_{}", base62(&*self.entropy, 22));
        let now = self.clock.now();
        let message = Webhook {
            id: &id,
            kind: "workflow.test",
            decided_at: now,
            data: &json!({"workflowId": workflow.id, "requestedBy": caller.actor.id}),
        };
        let mut request = message.request(&workflow, &self.vault, now)?;
        request.total = self.settings.delivery.timeout;
        let (status, error) = match self.egress.send(Purpose::Hooks, request).await {
            Ok(sent) => (Some(sent.status), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Ok(WorkflowTest { id, status, error })
    }

    async fn change_workflow(
        &self,
        caller: &Principal,
        origin: RequestOrigin,
        id: u64,
        change: WorkflowChange,
    ) -> Result<Workflow> {
        let command = ChangeWorkflow {
            id,
            change,
            actor: caller.actor.clone(),
            origin,
        };
        self.commands.run(command).await
    }

    /// Checks an address when it is written; it is checked again at each call.
    pub(super) fn check_target(&self, field: &str, purpose: Purpose, url: &str) -> Result<()> {
        self.egress
            .check(purpose, url)
            .map(drop)
            .map_err(|refusal| Error::invalid(field, &format!("The address is not allowed: {refusal}")))
    }

    fn draw_number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        let (first, count) = NUMBERS;
        first.saturating_add(u64::from_be_bytes(bytes) % count)
    }

    fn secret_or_new(&self, given: Option<SecretString>) -> Result<WebhookSecret> {
        use secrecy::ExposeSecret as _;
        let secret = match given {
            Some(text) => WebhookSecret::parse(text.expose_secret()),
            None => {
                let mut bytes = zeroize::Zeroizing::new([0; SECRET_BYTES]);
                self.entropy.fill(bytes.as_mut_slice());
                WebhookSecret::new(bytes.as_slice())
            }
        };
        secret.map_err(|refusal| Error::invalid("secret", &refusal.to_string()))
    }

    fn seal_secret(&self, id: u64, secret: &WebhookSecret) -> Result<String> {
        self.vault
            .seal(WORKFLOW_SECRET, &id.to_string(), secret.as_bytes())
            .map_err(Error::internal)
    }
}

fn shown(secret: &WebhookSecret) -> SecretString {
    SecretString::from(secret.to_text().as_str())
}
