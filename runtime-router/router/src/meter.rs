//! Counts calls in the buckets of limits. Not here: which limits a call has.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kars_contract::RuleId;
use kars_contract::permits::Bucket;
use tokio::time::Instant;

/// How full every bucket is. A bucket that was never asked is full.
#[derive(Debug, Default)]
pub struct Meter(Mutex<HashMap<RuleId, Level>>);

#[derive(Clone, Copy, Debug)]
struct Level {
    /// Calls that fit, with the part of one that has grown since.
    calls: f64,
    at: Instant,
}

/// A bucket has no room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Full {
    /// Whose bucket.
    pub rule: RuleId,
    /// After this time one call fits.
    pub after: Duration,
}

impl Meter {
    /// Takes one call from every bucket, or from none.
    pub fn take(&self, buckets: &[Bucket]) -> Result<(), Full> {
        if buckets.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        let mut levels = self.levels();
        for bucket in buckets {
            let level = level(&levels, bucket, now);
            if level < 1.0 {
                let seconds = (1.0 - level) * f64::from(bucket.per_seconds) / f64::from(bucket.calls.max(1));
                return Err(Full { rule: bucket.rule.clone(), after: Duration::from_secs_f64(seconds) });
            }
        }
        for bucket in buckets {
            let calls = level(&levels, bucket, now) - 1.0;
            levels.insert(bucket.rule.clone(), Level { calls, at: now });
        }
        Ok(())
    }

    /// The level of every bucket that was asked stays valid when a holder of the lock has panicked.
    fn levels(&self) -> MutexGuard<'_, HashMap<RuleId, Level>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn level(levels: &HashMap<RuleId, Level>, bucket: &Bucket, now: Instant) -> f64 {
    let most = f64::from(bucket.calls);
    let Some(Level { calls, at }) = levels.get(&bucket.rule) else { return most };
    let grown = now.duration_since(*at).as_secs_f64() * most / f64::from(bucket.per_seconds.max(1));
    (calls + grown).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rule: &str, calls: u32, per_seconds: u32) -> Bucket {
        Bucket { rule: rule.parse().unwrap(), calls, per_seconds }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_refills_and_never_overflows() {
        let (meter, three) = (Meter::default(), [bucket("r", 3, 60)]);
        for _ in 0..3 {
            meter.take(&three).unwrap();
        }
        let full = meter.take(&three).unwrap_err();
        assert_eq!((full.rule.as_str(), full.after.as_secs()), ("r", 20));
        tokio::time::advance(Duration::from_secs(21)).await;
        meter.take(&three).unwrap();
        meter.take(&three).unwrap_err();
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..10).filter(|_| meter.take(&three).is_ok()).count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn all_buckets_are_taken_from_or_none() {
        let meter = Meter::default();
        let both = [bucket("wide", 2, 60), bucket("narrow", 1, 60)];
        meter.take(&both).unwrap();
        assert_eq!(meter.take(&both).unwrap_err().rule.as_str(), "narrow");
        meter.take(&both[..1]).unwrap();
        meter.take(&both[..1]).unwrap_err();
        assert!(meter.take(&[bucket("closed", 0, 60)]).is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thousand_at_once_get_what_there_is() {
        let meter = std::sync::Arc::new(Meter::default());
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let meter = std::sync::Arc::clone(&meter);
                tokio::spawn(async move { meter.take(&[bucket("r", 60, 86_400)]).is_ok() })
            })
            .collect();
        let mut taken = 0;
        for task in tasks {
            taken += usize::from(task.await.unwrap());
        }
        assert_eq!(taken, 60);
    }
}
