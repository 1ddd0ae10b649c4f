//! A folder that is gone at the end.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use countersign_core::Entropy;
use countersign_core::clock::random;

/// A new, empty folder for its maker alone; removed with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Throwaway(PathBuf);

impl Throwaway {
    /// Makes one in the system's folder for temporary files.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn make(entropy: &dyn Entropy) -> std::io::Result<Self> {
        let name = data_encoding::HEXLOWER.encode(&random::<8>(entropy));
        let path = std::env::temp_dir().join(format!("countersign-demo-{name}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("countersign: {} could not be removed: {error}", self.0.display());
        }
    }
}
