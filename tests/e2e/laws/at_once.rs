//! With four-eyes authorization off, it is a backup server like any other.

use crate::support::{house::House, laptop::Laptop, restic::Restic};

#[test]
fn while_it_is_off_a_prune_frees_its_space_at_once() {
    for restic in Restic::all() {
        let house = House::two_eyes();
        let mut laptop = Laptop::of(&house, &restic, 1);
        let taken = laptop.days(4);
        let before = house.bytes_on_disk();
        laptop
            .repository
            .forget(&["--keep-last", "1", "--prune"])
            .expect("forget");
        assert!(house.bytes_on_disk() < before);
        house.quiet();
        assert!(house.requests().is_empty());
        assert!(house.events().is_empty());
        let gone = house.events_without_request().into_iter().filter(|id| *id == 10050);
        assert_eq!(gone.count(), 3, "each snapshot that went is told");
        laptop.expect(&taken[3..]);
    }
}

#[test]
fn while_it_is_off_a_whole_backup_goes_at_once_and_its_name_is_free() {
    let house = House::two_eyes();
    let mut laptop = Laptop::of(&house, &Restic::newest(), 1);
    laptop.days(1);
    assert_eq!(house.raw("laptop").delete(""), 200);
    assert_eq!(house.bytes_on_disk(), 0);
    let mut again = Laptop::of(&house, &Restic::newest(), 2);
    let taken = again.days(1);
    again.expect(&taken);
}
