//! Times that can be compared: taken in turns, and the middle one of several.

use std::time::{Duration, Instant};

/// Something that is done once and says how long it took.
pub(super) type Work<'a> = Box<dyn FnMut() -> Result<Duration, String> + 'a>;

/// The median of `times` runs of `once`.
pub(super) fn median(times: usize, mut once: impl FnMut() -> Result<Duration, String>) -> Result<Duration, String> {
    middle((0..times).map(|_| once()).collect::<Result<Vec<_>, _>>()?)
}

/// The medians of `times` runs of both, taken in turns.
pub(super) fn medians<'a>(
    times: usize,
    ours: impl FnMut() -> Result<Duration, String> + 'a,
    theirs: impl FnMut() -> Result<Duration, String> + 'a,
) -> Result<(Duration, Duration), String> {
    let mut both = turns(times, vec![Box::new(ours), Box::new(theirs)]).into_iter();
    let mut next = || both.next().unwrap_or_else(|| Err(String::from("nothing was measured")));
    Ok((next()?, next()?))
}

/// The medians of `times` runs of each, taken in turns: what changes with time, as a registry that fills, changes all of them. One that has
/// failed is left out from then on.
pub(super) fn turns(times: usize, works: Vec<Work<'_>>) -> Vec<Result<Duration, String>> {
    let mut all: Vec<(Work<'_>, Result<Vec<Duration>, String>)> =
        works.into_iter().map(|work| (work, Ok(Vec::new()))).collect();
    for _ in 0..times {
        for (work, taken) in &mut all {
            if let Ok(times) = taken {
                match work() {
                    Ok(time) => times.push(time),
                    Err(error) => *taken = Err(error),
                }
            }
        }
    }
    all.into_iter().map(|(_, taken)| taken.and_then(middle)).collect()
}

fn middle(mut taken: Vec<Duration>) -> Result<Duration, String> {
    taken.sort();
    taken.get(taken.len() / 2).copied().ok_or_else(|| String::from("nothing was measured"))
}

/// How long `work` takes. What it made is put away after that.
pub(super) fn timed<T>(work: impl FnOnce() -> Result<T, String>) -> Result<Duration, String> {
    let start = Instant::now();
    let _made = work()?;
    Ok(start.elapsed())
}

/// Milliseconds, for a table.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn turns_are_taken_and_what_fails_is_left_out() {
        let order = RefCell::new(String::new());
        let note = |name: char| order.borrow_mut().push(name);
        let mut steps = [5, 1, 3].into_iter();
        let works: Vec<Work<'_>> = vec![
            Box::new(|| {
                note('a');
                Ok(Duration::from_millis(steps.next().unwrap()))
            }),
            Box::new(|| {
                note('b');
                Err(String::from("no such tool"))
            }),
            Box::new(|| {
                note('c');
                Ok(Duration::from_millis(7))
            }),
        ];
        let medians = turns(3, works);
        let millis = Duration::from_millis;
        assert_eq!(medians, [Ok(millis(3)), Err(String::from("no such tool")), Ok(millis(7))]);
        assert_eq!(*order.borrow(), "abcacac");
    }
}
