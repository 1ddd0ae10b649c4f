//! Who stands behind a request besides the account that asked: none of them approves it (rules 1 and 3).
//!
//! Behind a service stand its owner and whoever made the token it came with; behind everybody, the other accounts of the same person.
//! It is asked twice: when the request is made, which the manifest records, and when somebody decides, of the accounts as they are then.
//! So neither a tie that was cut in between opens a way, nor one that was hidden until then.

use serde::{Deserialize, Serialize};

use crate::{Account, AccountId};

/// How somebody stands behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Answers for the service that asked.
    Owner,
    /// Made the token that it was asked with.
    Maker,
    /// Is the same person as somebody who asked, owns or made.
    Linked,
}

impl Part {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Maker, Self::Linked];

    /// The word in the database, manifests and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Maker => "maker",
            Self::Linked => "linked",
        }
    }
}

/// One account that stands behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Which one.
    pub account: AccountId,
    /// How.
    #[serde(rename = "as")]
    pub part: Part,
}

/// Everybody who stands behind what an account asks for: who is recorded, and who does as the accounts are now. In canonical order.
///
/// `known` must hold the account itself, its owner and whoever is recorded as an owner or a maker; others count as far as they are in it.
pub fn parties(asking: AccountId, recorded: &[Party], known: &[Account]) -> Vec<Party> {
    parties_of(asking, recorded, &known.iter().collect::<Vec<_>>())
}

fn parties_of(asking: AccountId, recorded: &[Party], known: &[&Account]) -> Vec<Party> {
    let owner = known.iter().find(|account| account.id == asking);
    let owner = owner.and_then(|account| account.owner).map(|account| Party {
        account,
        part: Part::Owner,
    });
    let mut all: Vec<Party> = recorded.iter().copied().chain(owner).collect();
    let roots: Vec<AccountId> = roots(asking, &all).collect();
    let people: Vec<_> = known
        .iter()
        .filter(|account| roots.contains(&account.id))
        .filter_map(|account| account.person.as_ref())
        .collect();
    let linked = known.iter().filter(|account| {
        let same = account.person.as_ref().is_some_and(|person| people.contains(&person));
        same && !roots.contains(&account.id)
    });
    all.extend(linked.map(|account| Party {
        account: account.id,
        part: Part::Linked,
    }));
    all.retain(|party| party.account != asking);
    all.sort_unstable();
    all.dedup();
    all
}

/// Those whose other accounts stand behind a request, too: who asks, owns, made.
pub fn roots(asking: AccountId, parties: &[Party]) -> impl Iterator<Item = AccountId> {
    let direct = parties.iter().filter(|party| party.part != Part::Linked);
    [asking].into_iter().chain(direct.map(|party| party.account))
}

/// Somebody who stands behind a request is not among the accounts that were looked up, so nobody can say who is a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("somebody who stands behind this request is not known any more: it cannot be approved. Reject it")]
pub struct NotKnown;

/// How this account stands behind a request; none when it does not. The first of several ways.
///
/// # Errors
/// [`NotKnown`]: `known` does not hold what [`parties`] says.
pub fn part_of(
    account: &Account,
    asking: AccountId,
    recorded: &[Party],
    known: &[Account],
) -> Result<Option<Part>, NotKnown> {
    let mut with_it: Vec<&Account> = known.iter().filter(|other| other.id != account.id).collect();
    with_it.push(account);
    let parties = parties_of(asking, recorded, &with_it);
    if !roots(asking, &parties).all(|id| with_it.iter().any(|account| account.id == id)) {
        return Err(NotKnown);
    }
    let own = parties.into_iter().find(|party| party.account == account.id);
    Ok(own.map(|party| party.part))
}

/// How many people these accounts are: those of one person count once.
pub fn people<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Vec<&'a Account> {
    let mut seen: Vec<&Account> = Vec::new();
    for account in accounts {
        let known = account.person.is_some() && seen.iter().any(|other| other.person == account.person);
        if !known {
            seen.push(account);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use countersign_events::Timestamp;

    use super::*;
    use crate::{AccountKind, AccountState, Roles};

    fn account(id: i64, owner: Option<i64>, person: Option<&str>) -> Account {
        Account {
            id: AccountId(id),
            name: format!("p{id}").parse().unwrap(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            state: AccountState::Active,
            created_at: Timestamp(0),
            eligible_at: Timestamp(0),
            expires_at: None,
            mfa: false,
            email: None,
            owner: owner.map(AccountId),
            person: person.map(|person| person.parse().unwrap()),
            revision: 1,
        }
    }

    const fn party(account: i64, part: Part) -> Party {
        Party {
            account: AccountId(account),
            part,
        }
    }

    #[test]
    fn behind_a_service_stand_its_owner_the_maker_and_their_other_accounts() {
        let known = [
            account(1, Some(2), None),
            account(2, None, Some("E-2")),
            account(3, None, Some("E-3")),
            account(4, None, Some("e-2")),
            account(5, None, Some("E-3")),
            account(6, None, Some("E-6")),
            account(7, None, None),
        ];
        assert_eq!(
            parties(AccountId(1), &[party(3, Part::Maker)], &known),
            [
                party(2, Part::Owner),
                party(3, Part::Maker),
                party(4, Part::Linked),
                party(5, Part::Linked)
            ]
        );
        for (id, part) in [(4, Some(Part::Linked)), (2, Some(Part::Owner)), (6, None), (7, None)] {
            let one = known.iter().find(|account| account.id.0 == id).unwrap();
            // Whoever decides need not be among the known; who asked, owns and made must be.
            let asked = |known: &[Account]| part_of(one, AccountId(1), &[party(3, Part::Maker)], known);
            assert_eq!(asked(&known[..3]), Ok(part), "{id}");
            for missing in 0..3 {
                let mut without = known[..3].to_vec();
                without.remove(missing);
                assert!(asked(&without).is_err() || id == 2, "{id} {missing}");
            }
        }
    }

    #[test]
    fn what_was_recorded_stays_and_what_came_since_counts_too() {
        let recorded = [party(2, Part::Owner), party(9, Part::Linked)];
        let now = [
            account(1, Some(3), None),
            account(2, None, None),
            account(3, None, None),
        ];
        for (id, part) in [
            (2, Some(Part::Owner)),
            (3, Some(Part::Owner)),
            (9, Some(Part::Linked)),
            (4, None),
        ] {
            assert_eq!(
                part_of(&account(id, None, None), AccountId(1), &recorded, &now),
                Ok(part),
                "{id}"
            );
        }
    }

    #[test]
    fn the_accounts_of_one_person_are_one() {
        let accounts = [
            account(1, None, Some("E-1")),
            account(2, None, None),
            account(3, None, Some("e-1")),
            account(4, None, None),
        ];
        let ids: Vec<_> = people(&accounts).iter().map(|account| account.id.0).collect();
        assert_eq!(ids, [1, 2, 4]);
    }
}
