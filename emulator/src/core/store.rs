//! The emulator's state: JSON documents under sorted keys, and a journal that makes each write durable before its answer.
//!
//! Everything that survives a restart is a document here, whatever surface it belongs to; so snapshot, restore, reset
//! and durability are written once. Keys are paths in lower case where the surface ignores case, such as
//! `arm/subscriptions/…` or `kubernetes/<cluster>/serviceaccounts/<namespace>/<name>`.
//!
//! A surface changes documents inside one call while it holds the store, and the server flushes the journal before the
//! answer leaves. The journal is one line of JSON per changed document; a torn last line, from a kill in the middle of a
//! write, is dropped when it is read back, which is right because its write was never answered.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Journals longer than this many lines, and twice the live documents, are written anew at start.
const COMPACT_ABOVE: usize = 10_000;

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    /// Absent for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    document: Option<Value>,
}

/// The documents and their journal.
#[derive(Debug, Default)]
pub(crate) struct Store {
    documents: BTreeMap<String, Value>,
    /// How many documents were put or removed, ever.
    writes: u64,
    pending: Vec<u8>,
    journal: Option<Journal>,
}

#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: File,
}

impl Store {
    /// A store that lives in memory only.
    pub(crate) fn in_memory() -> Self {
        Self::default()
    }

    /// Opens the journal at `path`, creating it where it is missing, and replays it.
    ///
    /// # Errors
    /// When the file cannot be read or written, or a line other than the last is not a journal line.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut documents = BTreeMap::new();
        let mut lines = 0;
        if path.exists() {
            let mut reader = BufReader::new(File::open(path)?);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line)? > 0 {
                let whole = line.ends_with(b"\n");
                match serde_json::from_slice::<Line>(&line) {
                    Ok(entry) if whole => match entry.document {
                        Some(document) => drop(documents.insert(entry.key, document)),
                        None => drop(documents.remove(&entry.key)),
                    },
                    _ if !whole => break,
                    Ok(_) => {}
                    Err(error) => {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            format!("{}: line {} is not a journal line: {error}", path.display(), lines + 1),
                        ));
                    }
                }
                lines += 1;
                line.clear();
            }
        }
        let mut store = Self { documents, ..Self::default() };
        // Written anew rather than appended to: it drops a torn last line, and what was deleted long ago.
        let compact = lines > COMPACT_ABOVE.max(store.documents.len() * 2);
        if compact || path.exists() {
            store.rewrite(path)?;
        }
        let file = private(OpenOptions::new().create(true).append(true)).open(path)?;
        store.journal = Some(Journal { path: path.to_owned(), file });
        Ok(store)
    }

    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("new");
        let mut file = private(OpenOptions::new().create(true).truncate(true).write(true)).open(&temporary)?;
        let mut lines = Vec::new();
        for (key, document) in &self.documents {
            write_line(&mut lines, key, Some(document));
        }
        file.write_all(&lines)?;
        file.sync_data()?;
        std::fs::rename(&temporary, path)
    }

    /// The document under this key.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.documents.get(key)
    }

    /// Puts a document under this key and returns what was there.
    pub(crate) fn put(&mut self, key: impl Into<String>, document: Value) -> Option<Value> {
        let key = key.into();
        self.writes += 1;
        if self.journal.is_some() {
            write_line(&mut self.pending, &key, Some(&document));
        }
        self.documents.insert(key, document)
    }

    /// Removes the document under this key and returns it.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        let removed = self.documents.remove(key)?;
        self.writes += 1;
        if self.journal.is_some() {
            write_line(&mut self.pending, key, None);
        }
        Some(removed)
    }

    /// The documents whose key starts with `prefix`, in the order of their keys.
    pub(crate) fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.under_from(prefix, prefix)
    }

    /// Those of them whose key is `from` or comes after it.
    pub(crate) fn under_from<'a>(
        &'a self,
        prefix: &'a str,
        from: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.documents
            .range::<str, _>((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, document)| (key.as_str(), document))
    }

    /// A number that is another one after every change.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }

    /// All documents, for a snapshot.
    pub(crate) fn snapshot(&self) -> Value {
        Value::Object(self.documents.iter().map(|(key, document)| (key.clone(), document.clone())).collect())
    }

    /// Replaces all documents with those of a snapshot.
    pub(crate) fn restore(&mut self, snapshot: serde_json::Map<String, Value>) {
        let gone: Vec<String> = self.documents.keys().filter(|key| !snapshot.contains_key(*key)).cloned().collect();
        for key in gone {
            self.remove(&key);
        }
        for (key, document) in snapshot {
            self.put(key, document);
        }
    }

    /// Appends what has changed since the last call to the journal and waits until the disk has it.
    ///
    /// # Errors
    /// When the disk does not take it; the answer to the write must then not be sent.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        if self.pending.is_empty() {
            return Ok(());
        }
        let before = journal.file.metadata()?.len();
        if let Err(error) = journal.file.write_all(&self.pending).and_then(|()| journal.file.sync_data()) {
            // Half a line in the middle of the journal would make it unreadable once the disk has room again.
            let _ = journal.file.set_len(before);
            let text = format!("the journal {} cannot be written: {error}", journal.path.display());
            return Err(io::Error::new(error.kind(), text));
        }
        self.pending.clear();
        Ok(())
    }
}

/// A file that only its owner can read: there are keys in it.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn write_line(out: &mut Vec<u8>, key: &str, document: Option<&Value>) {
    let line = Line { key: key.to_owned(), document: document.cloned() };
    // A document is a tree of JSON values with string keys, which always serializes.
    if serde_json::to_writer(&mut *out, &line).is_ok() {
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_flushed_is_there_after_reopening_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.journal");
        let mut store = Store::open(&path).unwrap();
        store.put("a/1", json!({"n": 1}));
        store.put("a/2", json!({"n": 2}));
        store.remove("a/1");
        store.flush().unwrap();
        drop(store);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"key\":\"a/3\",\"docu").unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.under("a/").map(|(key, _)| key).collect::<Vec<_>>(), ["a/2"]);
        assert_eq!(store.get("a/2"), Some(&json!({"n": 2})));
    }
}
