//! Chromium by `WebDriver` (W3C), as much of it as a person at our pages does. Screenshots go to `target/e2e-screenshots`.

use std::{fs, path::Path, process::Command};

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use super::{clock::eventually, counterparts, process::Running};

pub struct Browser {
    agent: Agent,
    session: String,
    // In this order: the driver ends before its folder goes.
    _driver: Running,
    _profile: TempDir,
}

/// The key under which `WebDriver` hands out elements (W3C `WebDriver`, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver(&profile);
        // Without a sandbox: the pages are our own, and containers give none.
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "pageLoadStrategy": "normal",
            "timeouts": {"pageLoad": 60_000, "script": 60_000},
            "goog:chromeOptions": {"binary": counterparts::program("chromium"), "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--window-size=1280,900",
                format!("--user-data-dir={}", profile.path().join("profile").display()),
            ]},
        }}});
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        let address = format!("http://127.0.0.1:{port}/session");
        let session = answer(agent.post(&address).send_json(wanted), "a session");
        let session = format!(
            "{address}/{}",
            session["sessionId"].as_str().expect("a session has an id")
        );
        Self {
            agent,
            session,
            _driver: driver,
            _profile: profile,
        }
    }

    #[track_caller]
    fn post(&self, command: &str, body: Value) -> Value {
        self.try_post(command, body)
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    fn try_post(&self, command: &str, body: Value) -> Result<Value, String> {
        let sent = self.agent.post(format!("{}/{command}", self.session)).send_json(body);
        try_answer(sent, command)
    }

    fn get(&self, command: &str) -> Value {
        answer(self.agent.get(format!("{}/{command}", self.session)).call(), command)
    }

    pub fn open(&self, url: &str) {
        self.post("url", json!({"url": url}));
    }

    pub fn url(&self) -> String {
        self.get("url").as_str().expect("an address").to_owned()
    }

    /// What a person reads on the page.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until the page says so; shows the page when it never does.
    #[track_caller]
    pub fn expect_text(&self, text: &str) {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(text, || {
                last = self.text();
                last.contains(text).then_some(())
            });
        }));
        assert!(found.is_ok(), "{} never says “{text}”, but:\n{last}", self.url());
    }

    /// Types into a field, replacing what is there.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) {
        self.act("css selector", css, |element| {
            self.try_post(&format!("element/{element}/clear"), json!({}))?;
            self.try_post(&format!("element/{element}/value"), json!({"text": text}))
        });
    }

    #[track_caller]
    pub fn click(&self, css: &str) {
        self.act("css selector", css, |element| {
            self.try_post(&format!("element/{element}/click"), json!({}))
        });
    }

    /// Clicks the button or link that says this.
    #[track_caller]
    pub fn press(&self, label: &str) {
        let path = format!("//*[(self::button or self::a or self::summary) and normalize-space(.)='{label}']");
        self.act("xpath", &path, |element| {
            self.try_post(&format!("element/{element}/click"), json!({}))
        });
    }

    /// Does something to the first such element. The page may still be coming, or go just now: then it looks again.
    #[track_caller]
    fn act(&self, using: &str, value: &str, act: impl Fn(&str) -> Result<Value, String>) {
        let mut last = "it is not there".to_owned();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&format!("{value} in the page"), || {
                let found = self.post("elements", json!({"using": using, "value": value}));
                let element = found.as_array()?.first()?[ELEMENT].as_str()?.to_owned();
                act(&element).map_err(|error| last = error).ok()
            });
        }));
        assert!(done.is_ok(), "{value} at {}: {last}\n{}", self.url(), self.text());
    }

    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({"script": script, "args": []}))
    }

    /// Keeps what is seen, the whole page, for people to look at.
    pub fn screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/e2e-screenshots");
        fs::create_dir_all(&folder).unwrap();
        let image = self.post(
            "goog/cdp/execute",
            json!({"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": true}}),
        );
        let image = BASE64
            .decode(image["data"].as_str().expect("an image").as_bytes())
            .expect("a screenshot is Base64");
        fs::write(folder.join(format!("{name}.png")), image).unwrap();
    }

    /// Plugs in an authenticator that is part of the machine, whose owner always touches it (W3C Web Authentication, section 11); its id.
    pub fn plug_in_authenticator(&self) -> String {
        let wanted = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserConsenting": true, "isUserVerified": true,
        });
        let id = self.post("webauthn/authenticator", wanted);
        id.as_str().expect("an authenticator has an id").to_owned()
    }

    /// Takes an authenticator away, with its passkeys.
    pub fn unplug_authenticator(&self, id: &str) {
        let address = format!("{}/webauthn/authenticator/{id}", self.session);
        answer(self.agent.delete(address).call(), "unplugging");
    }

    /// How wide the page is, in pixels, as on a phone; none for a desk again.
    pub fn width(&self, pixels: Option<u32>) {
        let command = match pixels {
            Some(width) => json!({
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false},
            }),
            None => json!({"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}}),
        };
        self.post("goog/cdp/execute", command);
    }

    pub fn prefer_dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"media": "", "features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.post(
            "goog/cdp/execute",
            json!({"cmd": "Emulation.setEmulatedMedia", "params": media}),
        );
    }

    /// Looks for barriers with axe-core: one line for each that it finds.
    pub fn barriers(&self) -> Vec<String> {
        // The page's content security policy does not bind a driver's script.
        self.run(&fs::read_to_string(counterparts::brought("axe-core/axe.min.js")).unwrap());
        let script = "const done = arguments[arguments.length - 1]; axe.run().then(done, e => done(String(e)));";
        let found = self.post("execute/async", json!({"script": script, "args": []}));
        let violations = found["violations"]
            .as_array()
            .unwrap_or_else(|| panic!("axe did not run: {found}"));
        let mut barriers = Vec::new();
        for violation in violations {
            for node in violation["nodes"].as_array().into_iter().flatten() {
                barriers.push(format!(
                    "{}: {} at {}",
                    violation["id"], violation["help"], node["html"]
                ));
            }
        }
        barriers
    }

    #[track_caller]
    pub fn expect_no_barriers(&self) {
        let barriers = self.barriers();
        assert!(
            barriers.is_empty(),
            "axe finds in {}:\n{}",
            self.url(),
            barriers.join("\n")
        );
    }
}

/// The driver chooses its port for IPv6 and fails when IPv4 has given it away meanwhile: then it chooses again.
fn start_driver(profile: &TempDir) -> (Running, u16) {
    for attempt in 0..10 {
        let mut command = Command::new(counterparts::program("chromedriver"));
        command
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path());
        let log = profile.path().join(format!("log-{attempt}"));
        let mut driver = Running::start("chromedriver", &mut command, &log);
        let port = driver.wait_for("listen", |log| {
            if log.contains("Address already in use") {
                return Some(None);
            }
            let port = log.split_once("started successfully on port ")?.1.split('.').next()?;
            port.parse().ok().map(Some)
        });
        if let Some(port) = port {
            return (driver, port);
        }
    }
    panic!("chromedriver found no free port in ten tries");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closes Chromium; the driver goes with its own drop.
        let _: Result<_, ureq::Error> = self.agent.delete(&self.session).call();
    }
}

#[track_caller]
fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>, to: &str) -> Value {
    try_answer(response, to).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// What the driver answers, or why it refuses.
fn try_answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>, to: &str) -> Result<Value, String> {
    let mut response = response.unwrap_or_else(|e| panic!("chromedriver does not answer {to}: {e}"));
    let status = response.status();
    let limit = 64 << 20;
    let mut body: Value = response
        .body_mut()
        .with_config()
        .limit(limit)
        .read_json()
        .expect("WebDriver speaks JSON");
    if status.is_success() {
        Ok(body["value"].take())
    } else {
        Err(format!("chromedriver refuses {to}: {}", body["value"]["message"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_filled_and_clicked() {
        let browser = Browser::start();
        browser.open(
            "data:text/html,<html lang=en><title>t</title><main><h1>Hello</h1><form><label>Name <input name=n></label>\
             <button type=button onclick=\"document.querySelector('h1').textContent='Hello '+document.querySelector('input').value\">\
             Greet</button></form></main>",
        );
        browser.expect_text("Hello");
        browser.fill("input[name=n]", "Anna");
        browser.press("Greet");
        browser.expect_text("Hello Anna");
        browser.expect_no_barriers();
        browser.prefer_dark(true);
        assert_eq!(
            browser.run("return matchMedia('(prefers-color-scheme: dark)').matches"),
            true
        );
    }

    #[test]
    fn axe_finds_a_field_without_a_label() {
        let browser = Browser::start();
        browser.open("data:text/html,<html lang=en><title>t</title><main><h1>x</h1><input></main>");
        assert!(
            browser.barriers().iter().any(|barrier| barrier.contains("label")),
            "{:?}",
            browser.barriers()
        );
    }
}
