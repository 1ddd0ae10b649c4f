//! rustic takes no locks, and repacks between its deletes.

use std::path::PathBuf;

use crate::support::{
    house::House,
    laptop::init_cheaply,
    restic::{Restic, SnapshotId},
    rustic::Rustic,
    trees::{Random, Tree},
};

struct Workshop {
    rustic: Rustic,
    folder: tempfile::TempDir,
    tree: Tree,
    random: Random,
}

impl Workshop {
    fn of(house: &House) -> Self {
        init_cheaply(&house.raw("laptop"));
        let mut random = Random::new(1);
        Self {
            rustic: Rustic::new(&house.url()),
            folder: tempfile::tempdir().unwrap(),
            tree: Tree::random(&mut random, 8, 3_000),
            random,
        }
    }

    fn work_and_back_up(&mut self) -> (SnapshotId, Tree) {
        self.tree.change(&mut self.random, 3_000);
        let work: PathBuf = self.folder.path().join("work");
        self.tree.write(&work);
        (self.rustic.backup(&work), self.tree.clone())
    }

    #[track_caller]
    fn expect(&self, house: &House, taken: &[(SnapshotId, Tree)]) {
        let mut expected: Vec<_> = taken.iter().map(|(id, _)| id.clone()).collect();
        let mut seen = self.rustic.snapshots();
        expected.sort();
        seen.sort();
        assert_eq!(seen, expected);
        self.rustic.check().expect("rustic check");
        let restic = Restic::newest().repository(&house.url());
        restic.check().expect("restic check");
        for (id, tree) in taken {
            self.rustic.expect_restores(id, tree);
            restic.expect_restores(id, tree);
        }
    }
}

#[test]
fn what_rustic_pruned_comes_back_when_rejected_and_goes_when_approved() {
    let house = House::four_eyes();
    let mut workshop = Workshop::of(&house);
    let mut taken: Vec<_> = (0..3).map(|_| workshop.work_and_back_up()).collect();
    workshop.rustic.forget(&[&taken[0].0.0, &taken[1].0.0]).expect("forget");
    workshop.rustic.prune().expect("prune");
    let request = house.sealed();
    assert_eq!(request.operation.id(), 104);
    workshop.expect(&house, &taken[2..]);
    taken.push(workshop.work_and_back_up());
    house.quiet();
    assert_eq!(house.reject(&house.bob, request.id).unwrap(), [request.id]);
    workshop.expect(&house, &taken);

    house.quiet();
    workshop.rustic.forget(&[&taken[0].0.0, &taken[1].0.0]).expect("forget");
    workshop.rustic.prune().expect("prune");
    let request = house.sealed();
    let before = house.bytes_on_disk();
    house.approve(&house.ann, &[request.id]).unwrap();
    assert!(house.bytes_on_disk() < before);
    workshop.expect(&house, &taken[2..]);
}
