//! A real `watchfire serve`, and plain HTTP to it.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// The administrator's token of every server here.
pub(crate) const TOKEN: &str = "test-administrator-token";

/// A server process over a folder that goes away with it.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    options: Vec<String>,
    environment: Vec<(String, String)>,
    pub(crate) url: String,
    http: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Server {
    /// Starts one on a free port.
    pub(crate) async fn start(options: &[&str]) -> Result<Self> {
        Self::start_in(options, &[]).await
    }

    /// Starts one on a free port, in an environment.
    pub(crate) async fn start_in(options: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        Self::start_over(tempfile::tempdir()?, options, environment).await
    }

    /// Starts one on what is in `folder`.
    pub(crate) async fn start_over(folder: tempfile::TempDir, options: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let environment: Vec<_> = environment.iter().map(owned).collect();
        let (child, url) = listening(spawn(folder.path(), &options, &environment)?).await?;
        Ok(Self {
            child,
            folder,
            options,
            environment,
            url,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// The folder with `data` and `key` in it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills it on the spot.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Starts it again over the same folder, once it has ended.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        let child = spawn(self.folder.path(), &self.options, &self.environment)?;
        (self.child, self.url) = listening(child).await?;
        Ok(())
    }

    /// Starts it again over the same folder and kills it so long after.
    pub(crate) async fn kill_while_it_starts(&mut self, after: Duration) -> Result<()> {
        let mut child = spawn(self.folder.path(), &self.options, &self.environment)?;
        tokio::time::sleep(after).await;
        Ok(child.kill().await?)
    }

    /// Waits until it ends by itself, and gives its exit code.
    pub(crate) async fn exit_code(&mut self) -> Result<Option<i32>> {
        let status = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await??;
        Ok(status.code())
    }

    /// Asks it to end (SIGTERM) and waits for the exit code.
    pub(crate) async fn stop(mut self) -> Result<Option<i32>> {
        let pid = self.child.id().context("it has ended")?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status().await?.success());
        let status = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await??;
        Ok(status.code())
    }

    /// A call with the administrator's token and, where given, a JSON body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self
            .http
            .request(method, self.at(path))
            .header("Authorization", format!("SSWS {TOKEN}"));
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        answer(request).await
    }

    /// `GET` as the administrator.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.call(Method::GET, path, None).await
    }

    /// `POST` as the administrator.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// A request of the caller's own making.
    pub(crate) async fn send(
        &self,
        make: impl FnOnce(&reqwest::Client, &dyn Fn(&str) -> String) -> reqwest::RequestBuilder,
    ) -> Result<Answer> {
        answer(make(&self.http, &|path| self.at(path))).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer {
        status,
        headers,
        text: response.text().await?,
    })
}

fn spawn(folder: &Path, options: &[String], environment: &[(String, String)]) -> Result<Child> {
    let child = Command::new(env!("CARGO_BIN_EXE_watchfire"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .arg("--key-file")
        .arg(folder.join("key"))
        .args(options)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("WATCHFIRE_ADMIN_TOKEN", TOKEN)
        .env("WATCHFIRE_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    Ok(child)
}

/// Waits until the process says where it listens.
async fn listening(mut child: Child) -> Result<(Child, String)> {
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let url = loop {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await??;
        let line = line.context("the server ended before it listened")?;
        if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")) {
            break url.to_owned();
        }
    };
    // Keep the pipe open: the server may say more.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, url))
}
