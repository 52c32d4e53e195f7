//! `kubectl_get` beside bare kubectl and beside two servers from npm, on a cluster of its own: of one namespace, 64 times at once, and of 10,000
//! pods.
//!
//! **What is compared.** Every side has the same environment: one kubeconfig, one kubectl, a HOME that was empty before, and in it one cache of what
//! the API offers, which calls that are not measured have filled. Bare kubectl is given the arguments that the server gives it, and its time is that of
//! its whole process, from before the fork to the end of its output; ours is that of a whole call through MCP, in which a kubectl of its own starts
//! just so. 1.0 is therefore the floor. The servers from npm are asked by the tool an agent would use, and answer as they do by default. Of 64
//! calls at once, each side does what it does: mcp-kubectl runs 32 kubectls at a time, the bare ones are 64. (mcp-server-kubernetes makes one
//! call after the other; kubernetes-mcp-server starts none, it speaks to the API itself.)
//!
//! No pod ever runs, so a control plane is enough: it needs neither root nor namespaces.

pub(super) mod sides;

use serde_json::Value;

use self::sides::{Server, Stage};
use super::{
    Bench,
    client::Client,
    memory::{self, mib},
    start::{self, Subject},
    table::{Row, unmeasured},
    turns::{Work, medians, millis, timed, turns},
};
use crate::{
    cluster::{self, Extent, Kubectl, Running},
    run,
};

/// How many pods are in the namespace of the small answer.
const FEW: usize = 5;
/// How many pods there are in all when there are many, and in how many namespaces most of them are.
const MANY: (usize, usize) = (10_000, 50);
/// How many calls are made at once.
const AT_ONCE: usize = 64;
/// How often one call is measured, and how often many or large ones are.
const RUNS: usize = 31;
const LONG_RUNS: usize = 5;
/// How much of bare kubectl's time ours may take.
const GOAL: f64 = 1.05;
/// How much the server may have resident when the table of all pods has passed through it.
const RESIDENT_MIB: u64 = 32;
/// What an answer may cost, in tokens, when no other budget is asked for.
const BUDGET: usize = 4_000;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let binary = bench.built("mcp-kubectl", "mcp-kubectl")?;
    // It ends when this function does, or this process.
    let cluster = Running::start(&bench.root, Extent::ControlPlane.into(), None)?;
    let kubectl = Kubectl::new(cluster.place().path());
    let stage = Stage::new(bench, &binary, cluster.place().path())?;
    let mut rows = start::rows(&Subject {
        name: "mcp-kubectl",
        program: stage.ours.program.clone()?.with(&[("MODE", "readwrite".into())]),
        binary,
        directory: stage.directory.clone(),
        peers: stage.peers.iter().map(|peer| (peer.name, peer.program.clone())).collect(),
        tokens: 3_000,
        resident: 6,
        megabytes: 10.0,
    })?;
    cluster::fill(&kubectl, FEW, &[sides::NAMESPACE.to_owned()])?;
    let few = ["get", "--namespace", sides::NAMESPACE, "--output=wide", "pods"];
    let one = |client: &mut Client, server: &Server| client.call(server.one.tool, &server.one.arguments).map(drop);
    rows.extend(stage.walls(
        &format!("kubectl_get of a namespace with {FEW} pods"),
        RUNS,
        &|| stage.kubectl(&few).map(drop),
        &one,
    )?);
    let at_once =
        |client: &mut Client, server: &Server| client.call_many(server.one.tool, &server.one.arguments, AT_ONCE);
    rows.extend(stage.walls(
        &format!("kubectl_get, {AT_ONCE} at once"),
        LONG_RUNS,
        &|| stage.kubectls(AT_ONCE, &few),
        &at_once,
    )?);

    run::out(&format!("filling the cluster with {} pods", MANY.0));
    let names: Vec<String> = (0..MANY.1).map(|number| format!("many-{number:02}")).collect();
    cluster::fill(&kubectl, MANY.0 - FEW, &names)?;
    let all = ["get", "--all-namespaces", "--output=wide", "pods"];
    let there = stage.kubectl(&all)?.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
    if there != MANY.0 {
        return Err(format!("{} pods were made, and kubectl prints {there}", MANY.0));
    }
    let what = format!("kubectl_get of {} pods", MANY.0);
    let whole = |client: &mut Client, server: &Server| client.call(server.all.tool, &server.all.arguments).map(drop);
    rows.extend(stage.walls(&what, LONG_RUNS, &|| stage.kubectl(&all).map(drop), &whole)?);
    rows.extend(stage.weights(&what, &all)?);
    Ok(rows)
}

impl Stage {
    /// The time of `call` beside that of `bare`, and then beside the other servers'. Not all in one round: what a server of theirs leaves for
    /// the processors to do after its answer would be on the account of whoever comes next.
    fn walls(
        &self,
        what: &str,
        times: usize,
        bare: &dyn Fn() -> Result<(), String>,
        call: &dyn Fn(&mut Client, &Server) -> Result<(), String>,
    ) -> Result<[Row; 2], String> {
        let mut us = self.open(&self.ours)?;
        bare()?;
        call(&mut us, &self.ours)?;
        let (ours, theirs) = medians(times, || timed(|| call(&mut us, &self.ours)), || timed(bare))?;
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let first = Row {
            what: what.to_owned(),
            ours: millis(ours),
            peer: format!("kubectl {}", millis(theirs)),
            ratio: format!("{ratio:.2} of its time"),
            goal: format!("{GOAL}"),
            met: ratio <= GOAL,
        };

        let mut clients: Vec<_> = self.peers.iter().map(|peer| self.open(peer)).collect();
        let mut works: Vec<Work<'_>> = vec![Box::new(|| timed(|| call(&mut us, &self.ours)))];
        for (client, peer) in clients.iter_mut().zip(&self.peers) {
            works.push(Box::new(move || {
                let client = client.as_mut().map_err(|reason| reason.clone())?;
                timed(|| call(client, peer)).map_err(|error| unmeasured(peer.name, &error))
            }));
        }
        // The first call of each opens connections, or fills a cache.
        works.iter_mut().for_each(|work| _ = work());
        let mut taken = turns(times, works).into_iter();
        let ours = taken.next().ok_or("nothing was measured")??;
        let theirs: Vec<_> = self.peers.iter().map(|peer| peer.name).zip(taken).collect();
        let second = Row { what: format!("{what}, the same"), ours: millis(ours), ..Row::default() };
        let second =
            second.beside(&theirs, |time| millis(*time), |time| faster(time.as_secs_f64() / ours.as_secs_f64()));
        Ok([first, second])
    }

    /// What the list of all pods costs in memory, and how large the answer is.
    fn weights(&self, what: &str, bare: &[&str]) -> Result<[Row; 3], String> {
        let us = self.weight(&self.ours)?;
        let them: Vec<_> = self.peers.iter().map(|peer| (peer.name, self.weight(peer))).collect();
        let mut all = vec![("kubectl", self.weight_of_kubectl(bare))];
        all.extend(
            them.iter()
                .map(|(name, weight)| (*name, weight.as_ref().map(|weight| weight.together).map_err(Clone::clone))),
        );
        let less = |theirs: u64, ours: u64| format!("{:.1}x less", theirs as f64 / ours as f64);
        let answer = |weight: &Weight| format!("{} bytes, {} tokens", weight.answer, tokens(weight.answer));
        let alone = Row {
            what: format!("{what}, peak resident of the server"),
            ours: mib(us.alone),
            goal: format!("{RESIDENT_MIB} MiB"),
            met: us.alone <= RESIDENT_MIB << 10,
            ..Row::default()
        };
        let together =
            Row { what: format!("{what}, the same with what it starts"), ours: mib(us.together), ..Row::default() };
        let size = Row {
            what: format!("{what}, the answer"),
            ours: answer(&us),
            goal: format!("{BUDGET} tokens"),
            met: tokens(us.answer) <= BUDGET,
            ..Row::default()
        };
        Ok([
            alone.beside(&them, |peer| mib(peer.alone), |peer| less(peer.alone, us.alone)),
            together.beside(&all, |peer| mib(*peer), |peer| less(*peer, us.together)),
            size.beside(&them, answer, |peer| format!("{:.0}x less", peer.answer as f64 / us.answer as f64)),
        ])
    }

    /// A server that is new, and makes this one call.
    fn weight(&self, server: &Server) -> Result<Weight, String> {
        let mut client = self.open(server)?;
        let pid = client.pid();
        let (answer, together) = memory::together(pid, || client.call(server.all.tool, &server.all.arguments));
        let answer = answer.map_err(|error| unmeasured(server.name, &error))?;
        Ok(Weight { alone: memory::peak(pid), together, answer: length(&answer) })
    }

    fn weight_of_kubectl(&self, arguments: &[&str]) -> Result<u64, String> {
        let mut child = self.start(arguments)?;
        // It is read as fast as it prints.
        let mut output = child.stdout.take().ok_or("no stdout")?;
        let (read, together) = memory::together(child.id(), || std::io::copy(&mut output, &mut std::io::sink()));
        read.and_then(|_| child.wait()).map_err(|error| error.to_string())?;
        Ok(together)
    }
}

/// Memory in KiB, and the size of an answer in bytes.
struct Weight {
    alone: u64,
    together: u64,
    answer: usize,
}

/// The bytes of an answer that a model reads.
fn length(answer: &Value) -> usize {
    let content = answer["result"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    content.iter().filter_map(|part| part["text"].as_str()).map(str::len).sum()
}

fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// How many times another took longer than we did.
fn faster(times: f64) -> String {
    if times >= 1.0 { format!("{times:.1}x faster") } else { format!("{:.1}x slower", 1.0 / times) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_text() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let answer = json!({"result": {"content": [text("NAME\n"), {"type": "image", "data": "xyz"}, text("é")], "structuredContent": {"a": 1}}});
        assert_eq!((length(&answer), tokens(length(&answer))), (7, 2));
        assert_eq!(length(&json!({"error": {"message": "no"}})), 0);
    }

    #[test]
    fn the_quicker_one_is_said_to_be_faster() {
        assert_eq!(
            (faster(2.04), faster(1.0), faster(0.25)),
            ("2.0x faster".into(), "1.0x faster".into(), "4.0x slower".into())
        );
    }
}
