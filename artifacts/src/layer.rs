//! The archive of an artifact: packed the same always, unpacked with no trust in it.
