//! SSO and Kerberos while they are off.

use super::*;

/// An anonymous denial, from the browser of tests.
fn anonymous(reason: Reason) -> Event {
    Event::UserAuthorizationDenied {
        source_ip_address: Some([192, 0, 2, 7].into()),
        client_id: None,
        friendly_name: None,
        subject: None,
        resource_id: None,
        redirect_uri: None,
        reason,
    }
}

/// Where a link of a page leads.
fn link<'p>(page: &'p Answer, label: &str) -> &'p str {
    let (before, _) = page.body.split_once(&format!("\">{label}</a>")).expect(label);
    before.rsplit_once("href=\"").unwrap().1
}

#[tokio::test]
async fn reason_10_sign_in_with_sso_while_saml_is_off() {
    let server = TestServer::new().await;
    server.person("ann").await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let told = browser.get(link(&page, "Sign in with SSO")).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    assert!(told.body.contains("Single sign-on is not set up here"));
    assert_eq!(last(&server).await, denied(Reason::Saml2Disabled, None, None));
    // The way back is the same logon, which goes on.
    assert_eq!(link(&told, "Sign in"), at);
    let form = [("csrf", &*page.csrf()), ("name", "ann"), ("password", PASSWORD)];
    assert_eq!(browser.post(&at, &form).await.status, StatusCode::SEE_OTHER);

    let before = server.events().await.len();
    let begun = browser.get("/auth/saml/login").await;
    assert_eq!(
        (begun.status, link(&begun, "Sign in")),
        (StatusCode::FORBIDDEN, "/auth/login")
    );
    assert_eq!(
        browser.get("/auth/saml/acs?SAMLResponse=x").await.status,
        StatusCode::FORBIDDEN
    );
    // What an identity provider makes a browser send comes from another site.
    let assertion = Request::post("/auth/saml/acs")
        .header("sec-fetch-site", "cross-site")
        .header(header::ORIGIN, "https://idp.example")
        .body(Body::from("SAMLResponse=PHNhbWxwOlJlc3BvbnNlLz4%3D&RelayState=x"))
        .unwrap();
    let answer = server.send(assertion, "192.0.2.7:50000").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.set_cookies().is_empty());
    let events = server.events().await;
    assert_eq!(events[before..], [(); 3].map(|()| anonymous(Reason::Saml2Disabled)));
}

#[tokio::test]
async fn reason_11_sign_in_as_current_user_while_kerberos_is_off() {
    let server = TestServer::new().await;
    let mut browser = server.browser();
    let (at, page) = at_name(&mut browser).await;
    let told = browser.get(link(&page, "Sign in as current user")).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    assert!(
        told.headers.get(header::WWW_AUTHENTICATE).is_none(),
        "nothing is asked for"
    );
    assert_eq!(last(&server).await, denied(Reason::GssDisabled, None, None));
    assert_eq!(link(&told, "Sign in"), at);
    let nowhere = browser.get("/auth/negotiate").await;
    assert_eq!(nowhere.status, StatusCode::FORBIDDEN);
    assert_eq!(last(&server).await, anonymous(Reason::GssDisabled));

    // A browser that sends a Kerberos token by itself.
    let begun = browser.get("/auth/login").await.location().to_owned();
    browser
        .headers
        .push(("authorization", "Negotiate YIIFxwYGKwYBBQUCoIIFuzCCBbc="));
    for path in [at.as_str(), &begun] {
        let refused = browser.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(last(&server).await, denied(Reason::GssDisabled, None, None), "{path}");
    }
    let before = server.events().await.len();
    assert_eq!(
        browser.get("/oauth2/authorize?client_id=evil").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(server.events().await[before..], [anonymous(Reason::GssDisabled)]);
    assert_eq!(browser.post(&at, &[]).await.status, StatusCode::FORBIDDEN);
    browser.headers.pop();
    browser.headers.push(("authorization", "Basic YTpi"));
    assert_eq!(browser.get(&at).await.status, StatusCode::OK, "no business of Kerberos");
}
