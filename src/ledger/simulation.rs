//! Applies as Terraform runs them, against a service that keeps Azure's rules for the credentials of an identity: any number of
//! credentials that take each other's subjects, in any order, so many at a time. A millisecond here is a tenth of a second there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Call, How, Instance, Ledger, Owner, Step};
use crate::domain::object::Object;
use crate::error::Error;
use crate::wait::Wait;

/// A generator of numbers from a seed (SplitMix64), so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// Which subject each credential has.
type Credentials = BTreeMap<usize, usize>;

/// The credentials of one identity.
#[derive(Default)]
struct Service {
    credentials: Mutex<Credentials>,
    busy: AtomicBool,
}

impl Service {
    /// One write, which takes time and during which no other may come.
    async fn write(&self, pause: Duration, change: impl FnOnce(&mut Credentials) -> bool) -> bool {
        assert!(!self.busy.swap(true, Ordering::SeqCst), "two writers at once");
        tokio::time::sleep(pause).await;
        let done = change(&mut self.credentials.lock().unwrap());
        self.busy.store(false, Ordering::SeqCst);
        done
    }

    async fn put(&self, name: usize, subject: usize, pause: Duration) -> bool {
        self.write(pause, |all| {
            let free = all.iter().all(|(other, theirs)| *other == name || *theirs != subject);
            if free {
                all.insert(name, subject);
            }
            free
        })
        .await
    }

    async fn delete(&self, name: usize, pause: Duration) {
        self.write(pause, |all| all.remove(&name).is_some()).await;
    }
}

fn name(name: usize) -> Object {
    Object::account("names", &name.to_string())
}

fn subject(subject: usize) -> Object {
    Object::account("subjects", &subject.to_string())
}

fn begin(ledger: &Ledger) -> Call {
    let (instance, _) = Instance::plan(b"", true);
    ledger.begin(Owner { instance, label: String::new() })
}

/// What the provider does for one credential: from one subject to another, from nothing, or to nothing.
async fn step(
    ledger: &Ledger,
    service: &Service,
    one: usize,
    from: Option<usize>,
    to: Option<usize>,
    pause: Duration,
) -> bool {
    let wait = Wait::at_most(Duration::from_secs(600));
    let call = begin(ledger);
    let Some(to) = to else {
        call.leave(name(one));
        call.leave(subject(from.unwrap()));
        let turn = call.turn(&name(0), &wait).await.unwrap();
        service.delete(one, pause).await;
        drop(turn);
        call.left(&name(one));
        call.left(&subject(from.unwrap()));
        return true;
    };
    call.take(name(one)).unwrap();
    call.take(subject(to)).unwrap();
    if let Some(from) = from {
        call.leave(subject(from));
    }
    let mut line = call.line([name(one), subject(to)]);
    loop {
        let next = line.next(&wait).await;
        let _turn = call.turn(&name(0), &wait).await.unwrap();
        match next {
            Err(_) => return false,
            Ok(Step::GiveUp) => {
                service.delete(one, pause).await;
                call.left(&subject(from.unwrap()));
            }
            Ok(Step::Try) if service.put(one, to, pause).await => break,
            Ok(Step::Try) => line.taken(subject(to), Error::new("taken", "")),
        }
    }
    call.has(name(one), How::Wrote);
    from.iter().for_each(|from| call.left(&subject(*from)));
    true
}

/// One apply of all that differs; how many failed, and how long it took.
async fn apply(
    chance: &mut Chance,
    service: &Arc<Service>,
    wanted: &Credentials,
    at_once: usize,
    ledger: Ledger,
) -> usize {
    let there = service.credentials.lock().unwrap().clone();
    let mut steps: Vec<(usize, Option<usize>, Option<usize>)> = Vec::new();
    for one in there.keys().chain(wanted.keys()) {
        let step = (*one, there.get(one).copied(), wanted.get(one).copied());
        if step.1 != step.2 && !steps.contains(&step) {
            steps.push(step);
        }
    }
    chance.shuffle(&mut steps);
    let slots = Arc::new(Semaphore::new(at_once));
    let mut running = Vec::new();
    for (one, from, to) in steps {
        let (ledger, service, slots) = (ledger.clone(), Arc::clone(service), Arc::clone(&slots));
        let (late, pause) = (chance.below(10_000), chance.below(1000));
        running.push(tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            tokio::time::sleep(Duration::from_micros(u64::try_from(late).unwrap())).await;
            step(&ledger, &service, one, from, to, Duration::from_micros(u64::try_from(pause).unwrap())).await
        }));
    }
    let mut failed = 0;
    for one in running {
        failed += usize::from(!one.await.unwrap());
    }
    failed
}

/// Credentials 0 to `count` that have a subject each, and what is wanted of them: any of the subjects, none twice, some gone, some
/// new.
fn scene(chance: &mut Chance, count: usize) -> (Credentials, Credentials) {
    let (mut before, mut after): (Vec<usize>, Vec<usize>) = ((0..count).collect(), (0..count).collect());
    chance.shuffle(&mut before);
    chance.shuffle(&mut after);
    let mut some = |subjects: Vec<usize>| -> Credentials {
        subjects.into_iter().enumerate().filter(|_| chance.below(8) > 0).collect()
    };
    (some(before), some(after))
}

#[tokio::test]
async fn any_exchange_of_subjects_that_fits_the_parallelism_takes_one_apply() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let (before, after) = scene(&mut chance, 2 + usize::try_from(seed).unwrap() % 19);
        let service = Arc::new(Service { credentials: Mutex::new(before), ..Service::default() });
        let failed = apply(&mut chance, &service, &after, 30, Ledger::default()).await;
        assert_eq!((failed, &*service.credentials.lock().unwrap()), (0, &after), "seed {seed}");
    }
}

#[tokio::test]
async fn any_exchange_of_subjects_converges_however_few_run_at_once() {
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let count = 2 + chance.below(11);
        let (before, after) = scene(&mut chance, count);
        let service = Arc::new(Service { credentials: Mutex::new(before), ..Service::default() });
        let at_once = 1 + chance.below(4);
        let mut applies = 0;
        while *service.credentials.lock().unwrap() != after {
            applies += 1;
            assert!(applies <= count + 2, "seed {seed}: {count} credentials, {at_once} at once");
            apply(&mut chance, &service, &after, at_once, Ledger::patient(Duration::from_millis(20))).await;
        }
    }
}

#[tokio::test]
async fn a_subject_that_nobody_leaves_is_refused_and_nothing_is_given_up_for_it() {
    let service = Service { credentials: Mutex::new([(1, 1), (2, 2)].into()), ..Service::default() };
    let (ledger, start) = (Ledger::patient(Duration::from_millis(20)), Instant::now());
    assert!(!step(&ledger, &service, 1, Some(1), Some(2), Duration::ZERO).await);
    assert!(start.elapsed() >= Duration::from_millis(20), "it waits for others to begin");
    assert_eq!(*service.credentials.lock().unwrap(), Credentials::from([(1, 1), (2, 2)]));
}

#[tokio::test]
async fn an_object_is_taken_by_one_instance_at_a_time() {
    let ledger = Ledger::default();
    let (first, second) = (begin(&ledger), begin(&ledger));
    assert!(first.take(name(1)).is_ok() && first.take(name(1)).is_ok());
    assert!(second.take(name(1)).is_err());
    drop(first);
    assert!(second.take(name(1)).is_ok(), "what was not written is free when the call ends");
    second.has(name(1), How::Adopted);
    drop(second);
    let old = begin(&ledger);
    assert!(
        matches!(old.other_owner(&name(1)), Some((_, How::Adopted))),
        "the old object of a replacement may not be deleted"
    );
    assert!(old.take(name(1)).is_err());
    let failed = begin(&ledger);
    failed.has(name(2), How::Adopted);
    failed.disown();
    assert!(old.other_owner(&name(2)).is_none(), "a create that failed owns nothing");
}
