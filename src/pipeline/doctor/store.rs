//! The store, as it tells about itself.

use super::{Area, Finding, State};
use crate::config::{self, Assumption, Config};
use crate::pipeline::error::told;
use crate::store::{RedisFacts, RedisSettings, RedisStore, StoreError, Unfit};

/// Looks at the store.
pub(super) fn examine(config: &Config, findings: &mut Vec<Finding>) {
    let config::Store::Redis(redis) = &config.store else {
        let said = "states are kept in the process and copied from the changelog at every start";
        return findings.push(Finding::new(Area::Store, State::Waived, said));
    };
    let place = format!("{}:{}", redis.host, redis.port);
    let (redis, trusted) = (
        redis.clone(),
        config.assume.contains(&Assumption::RedisNoeviction),
    );
    let access = move || RedisSettings::of(&redis, trusted);
    match RedisStore::new("doctor", Box::new(access)).facts() {
        Err(error @ (StoreError::Denied(_) | StoreError::Damaged(_))) => {
            findings.push(finding(State::Wrong, format!("{place}: {}", told(&error))));
        }
        Err(error @ (StoreError::Stalled(_) | StoreError::Unknown(_))) => {
            findings.push(finding(State::Away, format!("{place}: {}", told(&error))));
        }
        Ok(facts) => {
            findings.push(who(&facts, &place));
            findings.push(fit(&facts, trusted));
            findings.extend(room(&facts));
        }
    }
}

fn who(facts: &RedisFacts, place: &str) -> Finding {
    let version = facts.version.as_deref().unwrap_or("of unknown version");
    let role = facts.role.as_deref().unwrap_or("unknown");
    let kept = match (facts.append_only, facts.replicas) {
        (false, 0) => "no log, no replica: what it loses is copied anew".to_owned(),
        (true, 0) => "keeps a log".to_owned(),
        (false, replicas) => format!("replicas: {replicas}"),
        (true, replicas) => format!("keeps a log, replicas: {replicas}"),
    };
    finding(
        State::Good,
        format!("Redis {version} at {place}, role {role}, {kept}"),
    )
}

fn fit(facts: &RedisFacts, trusted: bool) -> Finding {
    match facts.unfit() {
        None => finding(State::Good, "maxmemory-policy is noeviction"),
        Some(unfit @ Unfit::EvictionUnknown) if trusted => {
            finding(State::Waived, format!("{unfit}; assumed to be noeviction"))
        }
        // It may be promoted in a moment.
        Some(unfit @ Unfit::Replica) => finding(State::Away, unfit.to_string()),
        Some(unfit) => finding(State::Wrong, unfit.to_string()),
    }
}

/// Says how full it is, where there is a limit: a full one stalls, and shards wait.
fn room(facts: &RedisFacts) -> Option<Finding> {
    let (used, max) = (facts.used_memory_bytes, facts.maxmemory_bytes);
    if max == 0 {
        return None;
    }
    let percent = used.saturating_mul(100) / max;
    let state = if percent >= FULL_PERCENT {
        State::Waived
    } else {
        State::Good
    };
    Some(finding(
        state,
        format!("{percent} % of its {} MiB are used", max >> 20),
    ))
}

/// How full a store may be before it is worth a word.
const FULL_PERCENT: u64 = 80;

fn finding(state: State, said: impl Into<String>) -> Finding {
    Finding::new(Area::Store, state, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redis(policy: Option<&str>) -> RedisFacts {
        RedisFacts {
            maxmemory_policy: policy.map(str::to_owned),
            role: Some("master".to_owned()),
            ..RedisFacts::default()
        }
    }

    #[test]
    fn a_redis_that_evicts_is_wrong_and_one_that_does_not_tell_needs_our_trust() {
        assert_eq!(fit(&redis(Some("noeviction")), false).state, State::Good);
        assert_eq!(fit(&redis(Some("allkeys-lru")), true).state, State::Wrong);
        assert_eq!(fit(&redis(None), false).state, State::Wrong);
        assert_eq!(fit(&redis(None), true).state, State::Waived);
        let replica = RedisFacts {
            role: Some("slave".to_owned()),
            ..redis(Some("noeviction"))
        };
        assert_eq!(fit(&replica, false).state, State::Away);
    }

    #[test]
    fn a_store_that_is_nearly_full_is_worth_a_word() {
        let used = |used_memory_bytes| RedisFacts {
            maxmemory_bytes: 100 << 20,
            used_memory_bytes,
            ..redis(None)
        };
        let state = |bytes| room(&used(bytes)).map(|finding| finding.state);
        assert_eq!(state(79 << 20), Some(State::Good));
        assert_eq!(state(80 << 20), Some(State::Waived));
        assert_eq!(room(&redis(None)), None);
    }
}
