//! What a list said a moment ago, so that reading twenty objects of one place does not take twenty requests.
//!
//! The first read of a place asks for its object alone; the second asks for the whole list, and serves the rest from it. A
//! list may confirm that something is there, never that it is gone: what it lacks is asked for alone. Each write of ours
//! ends the view of its place, twice: a list that was on its way during the write is not kept. A view does not outlive its
//! configuration, nor [`FRESH`].
//!
//! Only reads for a state come here. Whoever is about to write asks the service.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::Result;
use crate::wait::{Interrupted, Wait};

/// How long a list is good for.
const FRESH: Duration = Duration::from_secs(60);

/// Views of many places, by their keys.
#[derive(Debug)]
pub(super) struct View<T> {
    places: Mutex<HashMap<String, Arc<Place<T>>>>,
}

#[derive(Debug)]
struct Place<T> {
    /// Counts our writes.
    writes: AtomicU64,
    /// Held while a list is on its way, so that one request serves all who wait.
    seen: tokio::sync::Mutex<Seen<T>>,
}

#[derive(Debug)]
struct Seen<T> {
    reads: u32,
    list: Option<List<T>>,
    /// Whoever may not list is not asked to again.
    refused: bool,
}

#[derive(Debug)]
struct List<T> {
    at: Instant,
    writes: u64,
    objects: HashMap<String, T>,
}

impl<T> Default for View<T> {
    fn default() -> Self {
        Self { places: Mutex::default() }
    }
}

impl<T: Clone> View<T> {
    /// Reads the object `name` of `place`: by `list` where that saves requests, else by `get`.
    pub(super) async fn read(
        &self,
        place: &str,
        name: &str,
        wait: &Wait,
        list: impl Future<Output = Result<HashMap<String, T>>>,
        get: impl Future<Output = Result<Option<T>>>,
    ) -> Result<Option<T>> {
        let place = self.place(place);
        // When the wait is over, the read itself says so, and about what.
        if let Ok(Some(found)) = place.find(name, wait, list).await {
            return Ok(Some(found));
        }
        get.await
    }

    /// Ends the view of a place.
    fn end(&self, place: &str) {
        self.place(place).writes.fetch_add(1, Ordering::SeqCst);
    }

    fn place(&self, key: &str) -> Arc<Place<T>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(key.to_owned()).or_default())
    }
}

/// A write under way: ends the view of its place at its begin and at its end, however it ends.
pub(super) struct Change<'a, T: Clone> {
    view: &'a View<T>,
    place: String,
}

impl<'a, T: Clone> Change<'a, T> {
    pub(super) fn begin(view: &'a View<T>, place: String) -> Self {
        view.end(&place);
        Self { view, place }
    }
}

impl<T: Clone> Drop for Change<'_, T> {
    fn drop(&mut self) {
        self.view.end(&self.place);
    }
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        let seen = Seen { reads: 0, list: None, refused: false };
        Self { writes: AtomicU64::new(0), seen: tokio::sync::Mutex::new(seen) }
    }
}

impl<T: Clone> Place<T> {
    async fn find(
        &self,
        name: &str,
        wait: &Wait,
        list: impl Future<Output = Result<HashMap<String, T>>>,
    ) -> std::result::Result<Option<T>, Interrupted> {
        let mut seen = wait.bound(self.seen.lock()).await?;
        let writes = self.writes.load(Ordering::SeqCst);
        if seen.list.as_ref().is_some_and(|list| list.writes != writes || list.at.elapsed() > FRESH) {
            seen.list = None;
            seen.reads = 0;
        }
        seen.reads += 1;
        if seen.list.is_none() && seen.reads > 1 && !seen.refused {
            let at = Instant::now();
            match list.await {
                Ok(objects) if self.writes.load(Ordering::SeqCst) == writes => {
                    seen.list = Some(List { at, writes, objects })
                }
                Ok(_) => {}
                Err(error) => seen.refused = error.status.is_some(),
            }
        }
        Ok(seen.list.as_ref().and_then(|list| list.objects.get(name)).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::error::{Error, ErrorKind};
    use std::sync::atomic::AtomicUsize;

    /// A place with the objects `a` and `b`, and counts of what was asked.
    #[derive(Default)]
    struct Service {
        view: View<&'static str>,
        lists: AtomicUsize,
        gets: AtomicUsize,
        may_not_list: bool,
    }

    impl Service {
        async fn read(&self, name: &str) -> Option<&'static str> {
            let list = async {
                self.lists.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
                if self.may_not_list {
                    let mut error = Error::new(ErrorKind::Forbidden, "GET", "/x", "no");
                    error.status = Some(403);
                    return Err(error);
                }
                Ok(HashMap::from([("a".to_owned(), "listed"), ("b".to_owned(), "listed")]))
            };
            let get = async {
                self.gets.fetch_add(1, Ordering::SeqCst);
                Ok((name != "gone").then_some("got"))
            };
            self.view.read("place", name, &Wait::at_most(Duration::from_secs(5)), list, get).await.unwrap()
        }

        fn asked(&self) -> (usize, usize) {
            (self.gets.load(Ordering::SeqCst), self.lists.load(Ordering::SeqCst))
        }
    }

    #[tokio::test]
    async fn the_second_read_lists_once_for_all_that_follow_even_at_the_same_time() {
        let service = Service::default();
        assert_eq!(service.read("a").await, Some("got"));
        assert_eq!(service.asked(), (1, 0));
        let all = tokio::join!(service.read("a"), service.read("b"), service.read("a"));
        assert_eq!(all, (Some("listed"), Some("listed"), Some("listed")));
        assert_eq!(service.asked(), (1, 1));
    }

    #[tokio::test]
    async fn what_a_list_lacks_is_asked_for_alone() {
        let service = Service::default();
        service.read("a").await;
        assert_eq!(service.read("new").await, Some("got"));
        assert_eq!(service.read("gone").await, None);
        assert_eq!(service.asked(), (3, 1));
    }

    #[tokio::test]
    async fn a_write_ends_the_view_and_a_list_that_was_on_its_way_is_not_kept() {
        let service = Service::default();
        service.read("a").await;
        service.read("a").await;
        service.view.end("place");
        assert_eq!(service.read("a").await, Some("got"));
        let write = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(Change::begin(&service.view, "place".to_owned()));
        };
        let (read, ()) = tokio::join!(service.read("a"), write);
        assert_eq!(read, Some("got"), "the list began before the write");
    }

    #[tokio::test]
    async fn who_may_not_list_reads_one_by_one() {
        let service = Service { may_not_list: true, ..Service::default() };
        for _ in 0..4 {
            assert_eq!(service.read("a").await, Some("got"));
        }
        assert_eq!(service.asked(), (4, 1));
    }
}
