//! What is decided on: real manifests with their real digests, each made once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use countersign_core::manifest::{Manifest, ManifestObject, Subject};
use countersign_core::{BackupId, ObjectKey, ObjectKind, RequestId, Sha256};

use crate::accounts::{LIFE, time};
use crate::books::OBJECTS;
use crate::steps::initiator;

/// A manifest and its digest.
#[derive(Clone)]
pub struct Sealed {
    pub manifest: Rc<Manifest>,
    pub digest: Sha256,
}

type Known = HashMap<(usize, u8, u8, u8, u8), Sealed>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// The manifest of a delete of which so many objects were uploaded again.
pub fn sealed(number: usize, by: u8, behind: u8, expires: u8, revived: u8) -> Sealed {
    KNOWN.with_borrow_mut(|known| {
        let made = known.entry((number, by, behind, expires, revived)).or_insert_with(|| {
            let manifest = manifest(number, by, behind, expires, revived);
            Sealed {
                digest: manifest.digest().unwrap(),
                manifest: Rc::new(manifest),
            }
        });
        made.clone()
    })
}

/// An object of a delete.
pub fn key(number: usize, object: u8) -> ObjectKey {
    ObjectKey::parse(ObjectKind::Snapshots, &Sha256::of(&[number as u8, object]).to_hex()).unwrap()
}

fn manifest(number: usize, by: u8, behind: u8, expires: u8, revived: u8) -> Manifest {
    let objects = (revived..OBJECTS).map(|object| ManifestObject {
        hash: Sha256::of(&[number as u8, object]),
        kind: ObjectKind::Snapshots,
        name: key(number, object).name.to_string(),
        size: 100,
    });
    Manifest {
        expires_at: time(expires),
        initiator: initiator(by, behind),
        nonce: "00".into(),
        operation: 104,
        request: RequestId(number as i64 + 1),
        sealed_at: time(expires - LIFE),
        subject: Subject::Objects {
            backup: BackupId(1),
            name: "main/laptop".into(),
            objects: objects.collect(),
            whole: false,
        },
        version: Manifest::VERSION,
        why: None,
    }
    .ordered()
}
