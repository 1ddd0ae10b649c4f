//! The way through a list that is read by numbers, newest first, in both directions.

use countersign_store::Place;

use crate::pages::Pager;

/// Where the address says that the list is read: `before` or `after` a number; of both, `after`.
///
/// # Errors
/// What is wrong, for the person.
pub fn place(before: &str, after: &str) -> Result<Place, String> {
    let before: Option<i64> = super::filter::number(before, "a number in the list")?;
    let after: Option<i64> = super::filter::number(after, "a number in the list")?;
    Ok(match (before, after) {
        (_, Some(after)) => Place::After(after),
        (Some(before), None) => Place::Before(before),
        (None, None) => Place::Newest,
    })
}

/// A page of a list.
#[derive(Debug)]
pub struct Leaf<T> {
    /// Newest first.
    pub rows: Vec<T>,
    place: Place,
    /// Whether there is more in the direction that was read.
    more: bool,
}

impl<T> Leaf<T> {
    /// How many to ask for: one more than a page, to know whether there is a next.
    pub fn most(size: usize) -> u32 {
        u32::try_from(size.saturating_add(1)).unwrap_or(u32::MAX)
    }

    /// What was found from a place on, in the order in which it was read.
    pub fn new(place: Place, mut found: Vec<T>, size: usize) -> Self {
        let more = found.len() > size;
        found.truncate(size);
        if matches!(place, Place::After(_)) {
            found.reverse();
        }
        Self {
            rows: found,
            place,
            more,
        }
    }

    /// Whether the reader came back to the newest: then the newest page is what they want, and it is full.
    pub const fn is_back_at_the_newest(&self) -> bool {
        matches!(self.place, Place::After(_)) && !self.more
    }

    /// The links, each to the address that `at` makes of `before` and `after`.
    pub fn pager(&self, number: impl Fn(&T) -> i64, at: impl Fn(&str, &str) -> String) -> Pager {
        let newest = self.rows.first().map(&number);
        let oldest = self.rows.last().map(&number);
        let newer = match self.place {
            Place::Newest => None,
            // Behind the end of the list there is nothing, but a way back.
            Place::Before(before) => Some(newest.unwrap_or(before - 1)),
            Place::After(_) => newest.filter(|_| self.more),
        };
        let older = match self.place {
            Place::Newest | Place::Before(_) => oldest.filter(|_| self.more),
            Place::After(after) => oldest.filter(|_| after > 0),
        };
        Pager {
            summary: String::new(),
            first: newer.map(|_| at("", "")),
            previous: newer.map(|number| at("", &number.to_string())),
            next: older.map(|number| at(&number.to_string(), "")),
            last: older.map(|_| at("", "0")),
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    /// Ninety-five rows, ten a page.
    fn read(place: Place) -> Leaf<i64> {
        let all = 1..=95_i64;
        let most = Leaf::<i64>::most(10) as usize;
        let found: Vec<_> = match place {
            Place::Newest => all.rev().take(most).collect(),
            Place::Before(before) => all.rev().filter(|row| *row < before).take(most).collect(),
            Place::After(after) => all.filter(|row| *row > after).take(most).collect(),
        };
        Leaf::new(place, found, 10)
    }

    fn links(leaf: &Leaf<i64>) -> [Option<String>; 4] {
        let pager = leaf.pager(|row| *row, |before, after| format!("{before}/{after}"));
        [pager.first, pager.previous, pager.next, pager.last]
    }

    fn link(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_page_leads_to_its_neighbours_and_to_both_ends() {
        let newest = read(Place::Newest);
        assert_eq!(newest.rows, (86..=95).rev().collect::<Vec<_>>());
        assert_eq!(links(&newest), [None, None, link("86/"), link("/0")]);
        let second = read(Place::Before(86));
        assert_eq!(links(&second), [link("/"), link("/85"), link("76/"), link("/0")]);
        assert!(read(Place::After(85)).is_back_at_the_newest());
        let oldest = read(Place::After(0));
        assert_eq!(oldest.rows, (1..=10).rev().collect::<Vec<_>>());
        assert_eq!(links(&oldest), [link("/"), link("/10"), None, None]);
        let one_up = read(Place::After(10));
        assert_eq!(one_up.rows, (11..=20).rev().collect::<Vec<_>>());
        assert_eq!(links(&one_up), [link("/"), link("/20"), link("11/"), link("/0")]);
        let rest = read(Place::Before(6));
        assert_eq!(links(&rest), [link("/"), link("/5"), None, None]);
        let behind = read(Place::Before(1));
        assert_eq!(
            (behind.rows.len(), links(&behind)),
            (0, [link("/"), link("/0"), None, None])
        );
        assert!(!read(Place::Before(50)).is_back_at_the_newest());
    }

    #[test]
    fn a_place_is_a_number_or_nothing() {
        assert_eq!(place("", ""), Ok(Place::Newest));
        assert_eq!(place("7", ""), Ok(Place::Before(7)));
        assert_eq!(place("7", "9"), Ok(Place::After(9)));
        assert!(place("x", "").is_err());
    }
}
