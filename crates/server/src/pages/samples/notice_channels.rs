use super::*;

fn standing(state: ChannelState) -> ChannelStanding {
    ChannelStanding {
        state,
        waiting: Count(2),
        given_up: Count(0),
        last_delivered: Some(ago(12)),
        last_error: (state == ChannelState::Retrying)
            .then(|| ("mail.example:587 did not take it: connection refused".into(), ago(20))),
    }
}

pub fn notice_channels() -> ChannelsPage {
    let row = |id: &str, name: &str, way, place: &str, state| ChannelRow {
        id: id.into(),
        name: name.into(),
        place: place.into(),
        way,
        notices: "created, decided, failed, reminder".into(),
        standing: standing(state),
    };
    ChannelsPage {
        chrome: chrome(Section::Notices),
        rows: vec![
            row("1", "mail", "Mail", "mail.example:587", ChannelState::Retrying),
            row(
                "2",
                "chat",
                "Webhook",
                "https://chat.example/hooks/abc",
                ChannelState::Current,
            ),
            row("3", "desk", "Webhook", "https://desk.example/in", ChannelState::Sending),
        ],
        without_email: vec!["bob".into()],
        can_change: true,
    }
}

pub fn notice_channel(id: Option<&str>, is_mail: bool) -> ChannelPage {
    ChannelPage {
        chrome: chrome(Section::Notices),
        id: id.map(Into::into),
        name: if id.is_some() { "mail".into() } else { String::new() },
        standing: id.map(|_| standing(ChannelState::Retrying)),
        test: id.map(|_| TestNote {
            good: true,
            text: "The receiver has acknowledged the test message.".into(),
            at: ago(3),
        }),
        fresh: None,
        requested: None,
        form: ChannelForm {
            is_mail,
            name: "mail".into(),
            notices: vec![
                choice(
                    "created",
                    "Requests that wait",
                    "To those who could approve them.",
                    true,
                ),
                choice("decided", "Decisions", "To whoever asked.", false),
            ],
            host: "mail.example".into(),
            port: "587".into(),
            securities: vec![
                choice("starttls", "STARTTLS", "Usual: port 587.", true),
                choice("none", "In the clear", "To this machine alone.", false),
            ],
            user: "backup".into(),
            has_password: id.is_some(),
            from: "backup@example.org".into(),
            url: "https://chat.example/hooks/abc".into(),
            formats: vec![choice("json", "Everything, as JSON", "Field by field.", true)],
            ca: String::new(),
            problem: id.is_none().then(|| "Give the password again.".into()),
        },
        is_held: id.is_some(),
        can_change: true,
    }
}
