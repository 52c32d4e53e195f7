//! `cargo xtask cluster scenario`: trouble as an on-call engineer meets it, from `tests/cluster/scenarios`, and the wait until it is there.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    image,
    kubectl::Kubectl,
    truth::{self, Check, Subject},
};
use crate::run::{self, Result};

/// How long the truth of a scenario may take to come: generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// How many kubectl run at once.
const LANES: usize = 4;

/// Plays `name`, or `all` at once, and waits until what should hold does.
pub fn run(root: &Path, kubectl: &Kubectl, name: &str, namespace: Option<&str>) -> Result<()> {
    let scenarios = root.join("tests/cluster/scenarios");
    let names = names(&scenarios)?;
    let chosen: Vec<&String> = names.iter().filter(|there| name == "all" || *there == name).collect();
    if chosen.is_empty() {
        return Err(format!("there is no scenario {name:?}; there are all, {}", names.join(", ")));
    }
    if name == "all" && namespace.is_some() {
        return Err("all scenarios have no namespace in common, leave --namespace out".to_owned());
    }
    let lanes = Lanes::new(kubectl);
    let failed: Vec<String> = thread::scope(|scope| {
        let played: Vec<_> = chosen
            .into_iter()
            .map(|name| {
                let (lanes, scenarios) = (&lanes, &scenarios);
                scope.spawn(move || {
                    let played = play(lanes, &scenarios.join(name), namespace.unwrap_or(name));
                    played.map_err(|error| format!("{name}: {error}"))
                })
            })
            .collect();
        let results = played.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("it panicked".to_owned())));
        results.filter_map(Result::err).collect()
    });
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

fn names(scenarios: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(scenarios).map_err(|error| format!("{}: {error}", scenarios.display()))?;
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn play(lanes: &Lanes, scenario: &Path, namespace: &str) -> Result<()> {
    let started = Instant::now();
    let objects = run::read(&scenario.join("objects.yaml"))?;
    let objects = objects.replace("{{namespace}}", namespace).replace("{{image}}", image::BUSYBOX);
    let checks = truth::parse(&run::read(&scenario.join("truth.yaml"))?, namespace)
        .map_err(|error| format!("truth.yaml: {error}"))?;
    prepare(lanes, namespace)?;
    let apply = || lanes.in_turn(|| lanes.kubectl.apply(namespace, &objects));
    // A kind that is defined and used in one file exists a moment after the first try.
    while let Err(error) = apply() {
        if !error.contains("no matches for kind") || started.elapsed() > PATIENCE {
            return Err(error);
        }
        thread::sleep(PAUSE);
    }
    loop {
        let missing = missing(lanes, namespace, &checks)?;
        if missing.is_empty() {
            let seconds = started.elapsed().as_secs();
            run::out(&format!("{namespace}: all that should hold does, after {seconds} s"));
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("waited in vain for {}", missing.join("; ")));
        }
        thread::sleep(PAUSE);
    }
}

/// A namespace that pods can be made in.
fn prepare(lanes: &Lanes, namespace: &str) -> Result<()> {
    let there =
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {{\"name\": {namespace:?}}}}}");
    lanes.feed(&["apply", "--filename", "-"], &there)?;
    let patience = format!("--timeout={}s", PATIENCE.as_secs());
    // One at a time: kubectl gives up at once where both are missing.
    for needed in ["serviceaccount/default", "configmap/kube-root-ca.crt"] {
        lanes.ask(&["wait", "--for=create", needed, "--namespace", namespace, &patience])?;
    }
    Ok(())
}

/// What does not hold yet. Everything is looked at together: what held once may have passed.
fn missing(lanes: &Lanes, namespace: &str, checks: &[Check]) -> Result<Vec<String>> {
    let mut objects: HashMap<&str, Value> = HashMap::new();
    let mut missing = Vec::new();
    for check in checks {
        let (what, seen) = match &check.subject {
            Subject::Field { object, namespaced, path } => {
                if !objects.contains_key(object.as_str()) {
                    objects.insert(object, lanes.object(object, namespaced.then_some(namespace))?);
                }
                (format!("{path} of {object}"), truth::field(&objects[object.as_str()], path)?)
            }
            Subject::Printed(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                (words.join(" "), lanes.printed(&words, namespace)?)
            }
        };
        if !check.expected.met_by(&seen) {
            missing.push(format!("{what} to be {:?}, it is {:?}", check.expected, seen.trim_end()));
        }
    }
    Ok(missing)
}

/// kubectl, a few at once.
struct Lanes<'a> {
    kubectl: &'a Kubectl,
    free: Mutex<usize>,
    freed: Condvar,
}

impl<'a> Lanes<'a> {
    fn new(kubectl: &'a Kubectl) -> Self {
        Self { kubectl, free: Mutex::new(LANES), freed: Condvar::new() }
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        self.in_turn(|| self.kubectl.ask(arguments))
    }

    fn feed(&self, arguments: &[&str], input: &str) -> Result<String> {
        self.in_turn(|| self.kubectl.feed(arguments, input))
    }

    /// The object, or nothing while it is not there.
    fn object(&self, object: &str, namespace: Option<&str>) -> Result<Value> {
        let namespace = namespace.map(|namespace| ["--namespace", namespace]);
        let arguments: Vec<&str> = ["get", object, "--output=json", "--ignore-not-found"]
            .into_iter()
            .chain(namespace.into_iter().flatten())
            .collect();
        let text = self.ask(&arguments)?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|error| format!("kubectl get {object}: {error}"))
    }

    fn printed(&self, words: &[&str], namespace: &str) -> Result<String> {
        // After the verb, so that what follows `--` stays as it is.
        let (verb, rest) = words.split_first().ok_or("run is an empty list")?;
        let arguments: Vec<&str> = [*verb, "--namespace", namespace].into_iter().chain(rest.iter().copied()).collect();
        let output = self.in_turn(|| self.kubectl.output(&arguments))?;
        Ok([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
    }

    fn in_turn<T>(&self, act: impl FnOnce() -> T) -> T {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        drop(free);
        let done = act();
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
        done
    }
}
