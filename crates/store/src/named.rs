//! Whom an event names: what it is found by when someone searches for a person.

use std::collections::BTreeSet;

use countersign_events::Event;

/// A longer name is found by its beginning; an index is not for texts.
const LONGEST: usize = 256;

/// A name as it is compared: names that differ in case alone are the same.
pub(crate) fn name_key(name: &str) -> String {
    name.trim().chars().flat_map(char::to_lowercase).take(LONGEST).collect()
}

/// Everyone whom an event names, and the account by which it came about, as names are compared.
pub(crate) fn names(event: &Event, account: &str) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = people(event).into_iter().map(name_key).collect();
    names.insert(name_key(account));
    names.remove("");
    names
}

fn people(event: &Event) -> Vec<&str> {
    match event {
        Event::RestorePointDeleted { user_name, .. }
        | Event::ServiceProviderDeleted { user_name, .. }
        | Event::GeneralSettingsUpdated { user_name, .. }
        | Event::StorageAdded { user_name, .. }
        | Event::StorageDeleted { user_name, .. }
        | Event::SamlSettingsUpdated { user_name, .. }
        | Event::InvalidMfaCode { user_name, .. }
        | Event::MfaAttemptsExceeded { user_name, .. }
        | Event::MfaCodeReused { user_name, .. } => vec![user_name],
        Event::RepositoryAdded { user_name, user, .. } | Event::RepositoryDeleted { user_name, user, .. } => {
            vec![user_name, &user.full_name]
        }
        Event::UserAdded {
            name, user_name, user, ..
        }
        | Event::AddingUserFailed {
            name, user_name, user, ..
        }
        | Event::UserDeleted {
            name, user_name, user, ..
        } => vec![name, user_name, &user.full_name],
        Event::MfaEnabled { user } | Event::MfaDisabled { user } => vec![&user.full_name],
        Event::MfaTokenRevoked { target, user }
        | Event::MfaForUserEnabled { target, user }
        | Event::MfaForUserDisabled { target, user } => vec![target, &user.full_name],
        Event::ConfigurationBackupFinished { user, .. } | Event::ConfigurationRestoreFinished { user, .. } => {
            user.iter().map(|user| user.full_name.as_str()).collect()
        }
        Event::DeleteBackupFailed { user_name, .. } | Event::UpdateSecurityObjectFailed { user_name, .. } => {
            user_name.as_deref().into_iter().collect()
        }
        Event::FourEyesEnabled { initiator }
        | Event::FourEyesDisabled { initiator, .. }
        | Event::FourEyesRequestCreated { initiator, .. }
        | Event::FourEyesRequestExpired { initiator, .. } => vec![&initiator.full_name],
        Event::FourEyesRequestApproved {
            initiator, supervisor, ..
        }
        | Event::FourEyesRequestRejected {
            initiator, supervisor, ..
        } => vec![&initiator.full_name, &supervisor.full_name],
        Event::TokenRequestApproved {
            friendly_name, subject, ..
        }
        | Event::TokenRequestRejected {
            friendly_name, subject, ..
        }
        | Event::UserAuthorizationDenied {
            friendly_name, subject, ..
        }
        | Event::UserAuthorizationGranted {
            friendly_name, subject, ..
        }
        | Event::ResourceAccessDenied {
            friendly_name, subject, ..
        } => friendly_name.iter().chain(subject).map(String::as_str).collect(),
        Event::PasswordChangeRequired {
            friendly_name, subject, ..
        } => std::iter::once(friendly_name.as_str())
            .chain(subject.as_deref())
            .collect(),
        // It tells a chain alone.
        Event::TokenChainRevoked { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_person_in_the_parameters_of_an_event_is_one_of_its_names() {
        let origin = countersign_events::Origin::new("vbrsrv01");
        for event in Event::examples() {
            let names = names(&event, "");
            for (key, value) in event.parameters(&origin) {
                let person = match key {
                    "UserName" | "FriendlyName" | "Subject" | "Name" if event.id() != 41400 && event.id() != 41402 => {
                        value
                    }
                    "UserName" => value,
                    "UserFullInfo" | "InitiatorFullInfo" | "SupervisorFullInfo" => {
                        let (_, rest) = value.split_once("fullName=\"").unwrap();
                        rest.split('"').next().unwrap().to_owned()
                    }
                    _ => continue,
                };
                assert!(names.contains(&name_key(&person)), "{}: {key} {person}", event.id());
            }
        }
    }

    #[test]
    fn names_are_compared_without_case_and_only_so_far() {
        assert_eq!(name_key(" TECH\\Ärger "), "tech\\ärger");
        assert_eq!(name_key(&"X".repeat(1000)), "x".repeat(LONGEST));
        let event = Event::TokenChainRevoked {
            source_ip_address: None,
            chain_id: None,
        };
        assert_eq!(names(&event, "Ann"), BTreeSet::from(["ann".to_owned()]));
        assert!(names(&event, " ").is_empty());
    }
}
